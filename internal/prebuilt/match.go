package prebuilt

import (
	"math"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/spl"
)

// Near is how many rules a decision lists at most beside a match.
const Near = 5

// Decision says which prebuilt rule replaces a Splunk rule, if any, and which come near.
type Decision struct {
	Matched *migration.Match
	Near    []migration.Match
}

// candidate is a scored entry with the parts of its score, each 0 to 1.
type candidate struct {
	*entry
	covered  float64 // of the Splunk rule's values, by weight, that the prebuilt rule names too
	covering float64 // of the prebuilt rule's values that the Splunk rule names
	titles   float64
	overall  float64
	mitre    float64
	shared   float64 // weight of the shared values, not bounded
	score    float64
}

// Original is what a decision rests on: the Splunk rule, and its compiled query.
type Original struct {
	Title      string
	Query      string // SPL
	Techniques []string
	// Draft is the compiled query (ES|QL), empty when there is none. Two queries in terms of the same fields can be
	// compared; SPL and a query of Elastic's cannot.
	Draft string
	// From is how far back the translated rule looks, such as now-10m.
	From string
	// Doubts say where the draft may alert on less or on other events than the original.
	Doubts []string
	// KeyDoubts are doubts about fields that events are grouped by, which matter only where groups are counted.
	KeyDoubts []string
	// Unread are macros whose definition is missing and that can only exclude events.
	Unread []string
}

// Match finds the nearest prebuilt rules. One of them matches when it alerts on everything that the rule alerts on: it
// reads the same indices, every part of its condition follows from the rule's, its thresholds are no higher and its time
// window is no shorter, and it names the same technique. Others are near, with what keeps them from matching.
func (c *Catalogue) Match(o Original) Decision {
	f := factsOf(o.Title, spl.Parse(o.Query, spl.Options{}))
	for _, s := range compiledString.FindAllStringSubmatch(o.Draft, -1) {
		for w := range words(s[1]) {
			if !f.excluded[w] {
				f.literals[w] = true
			}
		}
	}
	f.platform = platformOfSplunk(o.Query, o.Title)
	mine := o.shape()
	doubts := o.Doubts
	if len(mine.least) > 0 {
		doubts = append(slices.Clip(doubts), o.KeyDoubts...)
	}
	var d Decision
	for i, cand := range c.search(f, o.Techniques) {
		if cand.score < nearScore || i == maxCompared {
			break
		}
		v := compare(mine, cand.shape)
		if v.replaces && len(doubts) > 0 {
			v = verdict{why: []string{"the translation that it was compared by is not exact (" + strings.Join(doubts, ", ") + ")"}}
		}
		if v.replaces && cand.mitre == 0 {
			v = verdict{why: []string{"it names another technique of ATT&CK"}}
		}
		m := migration.Match{RuleID: cand.ID, Name: cand.Name, Score: round(cand.score)}
		switch {
		case v.replaces && d.Matched == nil:
			m.Why = replacement(o, v)
			d.Matched = &m
		case v.replaces:
			m.Why = "it would replace the rule too"
			d.Near = append(d.Near, m)
		default:
			m.Why = strings.Join(v.why, "; ")
			d.Near = append(d.Near, m)
		}
	}
	d.Near = d.Near[:min(len(d.Near), Near)]
	return d
}

// shape is what the original is compared by.
func (o Original) shape() shape {
	if o.Draft == "" {
		return shape{other: "it has no translation to compare with"}
	}
	s := readESQL(o.Draft, false)
	if s.window == 0 && o.From != "" {
		s.window = lookBack(o.From)
	}
	return s
}

// replacement says in words why a rule matches, and where it alerts on more.
func replacement(o Original, v verdict) string {
	why := v.why
	if len(o.Unread) > 0 {
		why = append(slices.Clip(why), "it does not have what "+strings.Join(o.Unread, ", ")+" may exclude")
	}
	if len(why) == 0 {
		return "it alerts on the same events"
	}
	return "it alerts on all that the rule alerts on, and on more: " + strings.Join(why, "; ")
}

// compiledString is a string literal of a compiled draft.
var compiledString = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)

// The limits, and the weights in score, which only order the candidates, were set on hand-made labels (the weights by
// logistic regression, rounded); TestGold says what they give.
const (
	nearScore   = 0.5
	maxCompared = 30
	maxShared   = 40.0
)

// score is linear in the parts; the constant keeps the scores of plausible rules above zero.
func (c *Catalogue) score(f facts, x candidate) float64 {
	s := -2.9 + 1.9*x.covered + 0.6*x.covering + 7.9*x.titles + 0.7*x.overall + 3*math.Min(x.shared, maxShared)/maxShared
	if x.mitre > 0 {
		s += 1.3
	}
	if x.mitre > 1 {
		s += 0.9
	}
	if sameSource(f.platform, x.platform) {
		s += 0.8
	}
	if f.aggregates != x.aggregates {
		s -= 0.6
	}
	if len(f.excluded) > 0 && !x.negates {
		s -= 0.5
	}
	return s
}

// search scores every entry that shares a word with the rule, best first; ties go by id.
func (c *Catalogue) search(f facts, mitre []string) []candidate {
	literals, literalsW := c.bag(f.literals)
	title, titleW := c.bag(f.title)
	own, ownW := c.bag(union(f.literals, f.title))
	seen := make([]bool, len(c.entries))
	var out []candidate
	for _, t := range own {
		for _, i := range c.postings[t] {
			if seen[i] {
				continue
			}
			seen[i] = true
			e := &c.entries[i]
			cand := candidate{entry: e, mitre: techniques(mitre, e.MitreAttackIDs)}
			cand.shared = c.shared(literals, e.literals)
			cand.covered = ratio(cand.shared, literalsW)
			cand.covering = ratio(cand.shared, e.literalsW)
			st := c.shared(title, e.title)
			cand.titles = ratio(st, titleW+e.titleW-st)
			cand.overall = ratio(c.shared(own, e.own), math.Sqrt(ownW*e.ownW))
			cand.score = c.score(f, cand)
			out = append(out, cand)
		}
	}
	sort.Slice(out, func(i, j int) bool {
		if out[i].score != out[j].score {
			return out[i].score > out[j].score
		}
		return out[i].ID < out[j].ID
	})
	return out
}

// techniques is 1 for a shared technique and 1.5 for a shared sub-technique.
func techniques(a, b []string) float64 {
	best := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x == y && strings.Contains(x, "."):
				best = 1.5
			case strings.Split(x, ".")[0] == strings.Split(y, ".")[0]:
				best = math.Max(best, 1)
			}
		}
	}
	return best
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func round(x float64) float64 { return math.Round(x*100) / 100 }
