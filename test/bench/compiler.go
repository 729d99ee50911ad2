package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rulebridge/rulebridge/app"
	"github.com/rulebridge/rulebridge/internal/compile"
	"github.com/rulebridge/rulebridge/internal/spl"
	"github.com/rulebridge/rulebridge/internal/translate"
	"github.com/rulebridge/rulebridge/samples"
)

// compiler measures the compiler on one core, garbage collection included: the rules of RULEBRIDGE_DATA, else the
// samples. The collector is set as `rulebridge translate` sets it, and for comparison as Go does. The fastest of several
// passes stands, since other programs only make a pass slower.
func compiler(ctx context.Context, r *run) error {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	in, err := readCompilerInput()
	if err != nil {
		return err
	}
	c, err := translate.New(in.options)
	if err != nil {
		return err
	}
	const passes = 20
	// fastest is the shortest time of the passes; other programs only make one longer.
	fastest := func(work func()) (least time.Duration, err error) {
		for pass := range passes {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			began := time.Now()
			work()
			if took := time.Since(began); pass == 0 || took < least {
				least = took
			}
		}
		return least, nil
	}
	usual, err := fastest(func() {
		for _, rule := range in.rules {
			c.Translate(rule)
		}
	})
	if err != nil {
		return err
	}
	defer app.CollectForBatch()()
	all := make([]time.Duration, len(in.rules)) // the fastest of each rule
	var whole time.Duration
	var mallocs, bytes uint64
	for pass := range passes {
		if err := ctx.Err(); err != nil {
			return err
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		began := time.Now()
		for i, rule := range in.rules {
			start := time.Now()
			c.Translate(rule)
			if took := time.Since(start); pass == 0 || took < all[i] {
				all[i] = took
			}
		}
		took := time.Since(began)
		runtime.ReadMemStats(&after)
		if pass == 0 || took < whole {
			whole = took
		}
		mallocs, bytes = after.Mallocs-before.Mallocs, after.TotalAlloc-before.TotalAlloc
	}
	parsing, err := fastest(func() {
		for _, rule := range in.rules {
			spl.Parse(rule.Query, spl.Options{Macros: in.macros})
		}
	})
	if err != nil {
		return err
	}
	n := float64(len(in.rules))
	slices.Sort(all)
	at := func(share float64) float64 { return micros(all[int(share*(n-1))]) }
	r.add("compiler", "rules a second, one core", n/whole.Seconds(), "rules/s", fmt.Sprintf("%d %s, the fastest of %d passes", len(in.rules), in.name, passes))
	r.add("compiler", "the same with the collector as Go sets it", n/usual.Seconds(), "rules/s", "GOGC=100")
	r.add("compiler", "p50 a rule", at(0.5), "µs", "the fastest of each rule")
	r.add("compiler", "p99 a rule", at(0.99), "µs", "the fastest of each rule")
	r.add("compiler", "slowest rule", at(1), "µs", "the fastest of each rule")
	r.add("compiler", "allocations a rule", float64(mallocs)/n, "", "")
	r.add("compiler", "memory a rule", float64(bytes)/n/1024, "KiB", "allocated, not held")
	r.add("compiler", "whole against parsing alone", float64(whole)/float64(parsing), "×", "macros expanded in both")

	for _, g := range growing() {
		for size := 100; size <= 1<<20; size = nextSize(size) {
			if err := ctx.Err(); err != nil {
				return err
			}
			query := g.query(size)
			var best time.Duration
			for pass := range 5 {
				start := time.Now()
				c.Translate(translate.Request{Query: query})
				if took := time.Since(start); pass == 0 || took < best {
					best = took
				}
			}
			r.add("compiler", g.name+", "+strconv.Itoa(len(query))+" B", micros(best)*1000/float64(len(query)), "ns/B", best.Round(time.Microsecond).String())
		}
	}
	return nil
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

// nextSize goes from 100 bytes to exactly 1 MiB in steps of ten.
func nextSize(size int) int {
	if size >= 100_000 && size < 1<<20 {
		return 1 << 20
	}
	return size * 10
}

// growth makes queries of about a number of bytes, and no more.
type growth struct {
	name  string
	query func(size int) string
}

func growing() []growth {
	fill := func(head, tail string, piece func(i int) string) func(int) string {
		return func(size int) string {
			var b strings.Builder
			b.WriteString(head)
			for i := 0; ; i++ {
				p := piece(i)
				if b.Len()+len(p)+len(tail) > size {
					break
				}
				b.WriteString(p)
			}
			b.WriteString(tail)
			return b.String()
		}
	}
	search := "`sysmon` EventCode=1 (Image=x"
	return []growth{
		{"alternatives", fill(search, ") | stats count by host", func(i int) string { return fmt.Sprintf(` OR CommandLine="*tool%d*"`, i) })},
		{"conditions", fill(search, ")", func(i int) string { return fmt.Sprintf(` OR (Image="*\\tool%d.exe" ParentImage=p%d)`, i, i) })},
		{"list", fill("`sysmon` Image IN (x", ")", func(i int) string { return ", tool" + strconv.Itoa(i) })},
		{"assignments", fill("`sysmon` | eval x=1", "", func(i int) string { return fmt.Sprintf(", v%d=lower(Image)", i) })},
		{"aggregations", fill("`sysmon` | stats count", " by host", func(i int) string { return fmt.Sprintf(" values(Image) as v%d", i) })},
		{"one string", fill("`sysmon` CommandLine=\"*", `*"`, func(int) string { return "abcdefgh" })},
	}
}

type compilerInput struct {
	name    string
	rules   []translate.Request
	options translate.Options
	macros  macroList
}

// macroList resolves macros for the parser alone.
type macroList map[string]spl.MacroDef

// Macro implements spl.Macros.
func (m macroList) Macro(name string, nargs int) (spl.MacroDef, bool) {
	d, ok := m[name+"/"+strconv.Itoa(nargs)]
	return d, ok
}

func readCompilerInput() (*compilerInput, error) {
	in := &compilerInput{name: "sample rules", macros: macroList{}}
	read := in.readSamples
	if dir := os.Getenv("RULEBRIDGE_DATA"); dir != "" {
		in.name = "rules of RULEBRIDGE_DATA"
		read = func() error { return in.readDir(filepath.Join(dir, "spl")) }
	}
	if err := read(); err != nil {
		return nil, err
	}
	if len(in.rules) == 0 {
		return nil, errors.New("there are no rules")
	}
	for _, m := range in.options.Macros {
		in.macros[m.Name+"/"+strconv.Itoa(len(m.Arguments))] = spl.MacroDef{Name: m.Name, Arguments: m.Arguments, Definition: m.Definition}
	}
	return in, nil
}

func (in *compilerInput) readSamples() error {
	rules, err := samples.Rules()
	if err != nil {
		return err
	}
	for _, r := range rules {
		in.rules = append(in.rules, translate.Request{ID: r.ID, Title: r.Title, Query: r.Query})
	}
	resources, err := samples.Resources()
	if err != nil {
		return err
	}
	in.options = compile.WithResources(in.options, resources)
	return nil
}

func (in *compilerInput) addMacro(name, definition string, arguments []string) {
	name, _, _ = strings.Cut(name, "(")
	in.options.Macros = append(in.options.Macros, translate.Macro{Name: name, Arguments: arguments, Definition: definition})
}

func (in *compilerInput) readDir(dir string) error {
	err := eachLine(filepath.Join(dir, "rules.jsonl"), func(line []byte) error {
		var r struct {
			ID, Title, Query string
			Mitre            []string `json:"mitre_attack_ids"`
		}
		err := json.Unmarshal(line, &r)
		in.rules = append(in.rules, translate.Request{ID: r.ID, Title: r.Title, Query: r.Query})
		return err
	})
	if err != nil {
		return err
	}
	err = eachLine(filepath.Join(dir, "macros.jsonl"), func(line []byte) error {
		var m struct {
			Name, Definition string
			Arguments        []string
		}
		err := json.Unmarshal(line, &m)
		in.addMacro(m.Name, m.Definition, m.Arguments)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	err = eachLine(filepath.Join(dir, "lookups.jsonl"), func(line []byte) error {
		var k struct {
			Name, Kind string
			Columns    []string
			Rows       []map[string]string
			TotalRows  int `json:"total_rows"`
		}
		err := json.Unmarshal(line, &k)
		in.options.Lookups = append(in.options.Lookups, translate.Lookup{Name: k.Name, Kind: k.Kind, Columns: k.Columns, Rows: k.Rows, TotalRows: k.TotalRows})
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// eachLine calls f with every line of a file.
func eachLine(path string, f func([]byte) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	s := bufio.NewScanner(file)
	s.Buffer(make([]byte, 1<<20), 64<<20)
	for n := 1; s.Scan(); n++ {
		if err := f(s.Bytes()); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	return s.Err()
}
