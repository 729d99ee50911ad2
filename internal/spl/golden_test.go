package spl

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden parses the query of every testdata/*.txtar, with its file "macros" (name(args)=definition a line, "?name"
// to keep one), and compares tree, problems, macro uses and the printed text.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in := map[string]string{}
			for _, f := range ar.Files {
				in[f.Name] = string(f.Data)
			}
			src := strings.TrimSuffix(in["query"], "\n")
			q := Parse(src, goldenOptions(in["macros"]))
			checkSpans(t, src, q)
			var b strings.Builder
			b.WriteString(dump(q.Pipeline, true))
			for _, p := range q.Problems {
				fmt.Fprintf(&b, "problem %s @%d-%d: %s\n", p.Code, p.Span().Start.Offset, p.Span().End.Offset, p.Message)
			}
			for _, m := range q.Macros {
				fmt.Fprintf(&b, "macro %s%q @%d-%d known=%v kept=%v depth=%d: %s\n", m.Name, m.Args,
					m.Span().Start.Offset, m.Span().End.Offset, m.Known, m.Kept, m.Depth, m.Definition)
			}
			tree, printed := b.String(), Print(q)+"\n"
			checkRoundTrip(t, q)
			if *update {
				out := &txtar.Archive{Comment: ar.Comment}
				for _, f := range ar.Files {
					if f.Name == "query" || f.Name == "macros" {
						out.Files = append(out.Files, f)
					}
				}
				out.Files = append(out.Files, txtar.File{Name: "tree", Data: []byte(tree)}, txtar.File{Name: "printed", Data: []byte(printed)})
				if err := os.WriteFile(file, txtar.Format(out), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if tree != in["tree"] {
				t.Errorf("tree differs (run with -update after checking)\ngot:\n%s\nwant:\n%s", tree, in["tree"])
			}
			if printed != in["printed"] {
				t.Errorf("printed text differs\ngot:  %s\nwant: %s", printed, in["printed"])
			}
		})
	}
}

func goldenOptions(text string) Options {
	macros, keep := macroMap{}, map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if name, ok := strings.CutPrefix(line, "?"); ok {
			keep[name] = true
			continue
		}
		head, def, _ := strings.Cut(line, "=")
		head, eval := strings.CutPrefix(head, "eval:")
		name, args, _ := strings.Cut(strings.TrimSuffix(head, ")"), "(")
		d := MacroDef{Name: name, Definition: def, Eval: eval}
		key := name
		if args != "" {
			d.Arguments = strings.Split(args, ",")
			key += fmt.Sprintf("(%d)", len(d.Arguments))
		}
		macros[key] = d
	}
	return Options{Macros: macros, Keep: func(name string, _ int) bool { return keep[name] }}
}
