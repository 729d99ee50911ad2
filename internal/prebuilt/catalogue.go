// Package prebuilt holds a catalogue of Elastic prebuilt rules, finds the ones nearest to a Splunk rule, and decides
// whether one of them can replace it. It is deterministic: the same catalogue and rule give the same answer.
package prebuilt

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
)

// Rule is one prebuilt rule as the catalogue file has it; unknown members of the file are ignored.
type Rule struct {
	ID             string   `json:"rule_id"`
	Name           string   `json:"name"`
	Description    string   `json:"description"`
	Type           string   `json:"type"`
	Language       string   `json:"language"`
	Query          string   `json:"query"`
	Index          []string `json:"index"`
	Severity       string   `json:"severity"`
	RiskScore      int      `json:"risk_score"`
	MitreAttackIDs []string `json:"mitre_attack_ids"`
	Integration    []string `json:"integration"`
	BuildingBlock  bool     `json:"building_block"`
	// Version counts Elastic's changes of the rule; 0 where the file does not say.
	Version int `json:"version"`
	// From is how far back each run looks, such as now-9m; empty means 6 minutes.
	From string `json:"from"`
	// Interval is the time between two runs, such as 5m, which an empty one means too.
	Interval string `json:"interval"`
	// Suppression makes one alert of several, empty where the rule has none.
	Suppression struct {
		By []string `json:"group_by"`
	} `json:"alert_suppression"`
	// Threshold is what a rule of the type threshold waits for.
	Threshold *Threshold `json:"threshold"`
}

// Threshold is a number of events, by fields, and of distinct values of further fields.
type Threshold struct {
	Field       []string `json:"field"`
	Value       float64  `json:"value"`
	Cardinality []struct {
		Field string  `json:"field"`
		Value float64 `json:"value"`
	} `json:"cardinality"`
}

// entry is a rule with what scoring needs, made once.
type entry struct {
	Rule
	literals, title, own    bag // own is literals and title together
	literalsW, titleW, ownW float64
	platform                set
	aggregates              bool
	negates                 bool
	shape                   shape
}

// Catalogue is an immutable set of prebuilt rules with an inverted index; it is safe for concurrent use.
type Catalogue struct {
	entries  []entry
	terms    map[string]int32
	weights  []float64 // by term
	postings [][]int32 // by term: the entries that name it in a value or the title
	unseen   float64   // weight of a word that no rule has
}

// maxLine bounds one rule of the catalogue file, in bytes.
const maxLine = 4 << 20

// Load reads a catalogue: one JSON object a line. Rules without an id or name are an error that names the line; rules
// without a query (machine learning jobs) are kept for their name only.
func Load(r io.Reader) (*Catalogue, error) {
	var rules []Rule
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 64<<10), maxLine)
	for line := 1; sc.Scan(); line++ {
		if len(sc.Bytes()) == 0 {
			continue
		}
		var rule Rule
		if err := json.Unmarshal(sc.Bytes(), &rule); err != nil {
			return nil, fmt.Errorf("prebuilt rules, line %d: %w", line, err)
		}
		if rule.ID == "" || rule.Name == "" {
			return nil, fmt.Errorf("prebuilt rules, line %d: a rule needs rule_id and name", line)
		}
		rules = append(rules, rule)
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("prebuilt rules: %w", err)
	}
	return New(rules), nil
}

// New builds a catalogue. Of two rules with one id the later wins.
func New(rules []Rule) *Catalogue {
	byID := map[string]Rule{}
	for _, r := range rules {
		byID[r.ID] = r
	}
	ids := make([]string, 0, len(byID))
	for id := range byID {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	c := &Catalogue{terms: map[string]int32{}}
	inRules := []int{}
	intern := func(s set) {
		for _, t := range s.sorted() {
			id, ok := c.terms[t]
			if !ok {
				id = int32(len(c.terms))
				c.terms[t] = id
				inRules = append(inRules, 0)
			}
			inRules[id]++
		}
	}
	literalsOf := make([]set, len(ids))
	for i, id := range ids {
		r := byID[id]
		literalsOf[i] = words(literals(r.Query)...)
		intern(union(literalsOf[i], words(r.Name), words(r.Description)))
	}
	n := float64(len(ids))
	c.unseen = math.Log(1 + n)
	for _, count := range inRules {
		c.weights = append(c.weights, math.Log(1+n/float64(1+count)))
	}
	c.postings = make([][]int32, len(c.weights))
	for i, id := range ids {
		r := byID[id]
		e := entry{
			Rule:       r,
			platform:   platformOfPrebuilt(r),
			aggregates: aggregates(r),
			negates:    negation.MatchString(r.Query),
			shape:      shapeOf(r),
		}
		title := words(r.Name)
		e.literals, e.literalsW = c.bag(literalsOf[i])
		e.title, e.titleW = c.bag(title)
		e.own, e.ownW = c.bag(union(literalsOf[i], title))
		for _, t := range e.own {
			c.postings[t] = append(c.postings[t], int32(i))
		}
		c.entries = append(c.entries, e)
	}
	return c
}

// bag is a set of terms in ascending order.
type bag []int32

// bag turns words into terms and gives the weight of all of them, of unknown ones too. The order of addition is fixed,
// so that equal sets give equal bits.
func (c *Catalogue) bag(s set) (bag, float64) {
	var b bag
	unknown := 0
	for t := range s {
		if id, ok := c.terms[t]; ok {
			b = append(b, id)
		} else {
			unknown++
		}
	}
	slices.Sort(b)
	w := float64(unknown) * c.unseen
	for _, t := range b {
		w += c.weights[t]
	}
	return b, w
}

// shared is the weight of the terms in both.
func (c *Catalogue) shared(a, b bag) float64 {
	w := 0.0
	for i, j := 0, 0; i < len(a) && j < len(b); {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			w += c.weights[a[i]]
			i++
			j++
		}
	}
	return w
}

// Len is the number of rules.
func (c *Catalogue) Len() int { return len(c.entries) }

// Rule finds a rule by id.
func (c *Catalogue) Rule(id string) (Rule, bool) {
	i := sort.Search(len(c.entries), func(i int) bool { return c.entries[i].ID >= id })
	if i < len(c.entries) && c.entries[i].ID == id {
		return c.entries[i].Rule, true
	}
	return Rule{}, false
}
