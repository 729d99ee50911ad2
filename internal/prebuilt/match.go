package prebuilt

import (
	"fmt"
	"math"
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

// Match finds the nearest prebuilt rules. A match needs the same kind of data, the same technique, most of the rule's
// own values in the prebuilt rule, and no threshold or exclusion that the other side lacks; else a rule is near.
// The query is the parsed original, with its macros expanded where they are known.
func (c *Catalogue) Match(title, text string, mitre []string, q *spl.Query) Decision {
	f := factsOf(title, q)
	f.platform = platformOfSplunk(text, title)
	return c.decide(f, mitre)
}

func (c *Catalogue) decide(f facts, mitre []string) Decision {
	found := c.search(f, mitre)
	var d Decision
	for i, cand := range found {
		if i == 0 {
			next := 0.0
			if len(found) > 1 {
				next = math.Max(0, found[1].score)
			}
			if ok, why := replaces(f, cand, next); ok {
				d.Matched = &migration.Match{RuleID: cand.ID, Name: cand.Name, Score: round(cand.score), Why: why}
				continue
			}
		}
		if len(d.Near) == Near || cand.score < nearScore {
			break
		}
		d.Near = append(d.Near, migration.Match{RuleID: cand.ID, Name: cand.Name, Score: round(cand.score), Why: differs(f, cand)})
	}
	return d
}

// The limits, and the weights in score, were set on hand-made labels (the weights by logistic regression, rounded);
// TestGold says what they give.
const (
	nearScore   = 0.5
	matchScore  = 2.8
	matchMargin = 2.2 // a match stands well before the next best rule
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

// replaces decides whether the best candidate may stand in for the rule; next is the score of the second best.
func replaces(f facts, c candidate, next float64) (bool, string) {
	switch {
	case c.score < matchScore, c.score-next < matchMargin, c.mitre == 0:
		return false, ""
	case !sameSource(f.platform, c.platform), f.aggregates != c.aggregates:
		return false, ""
	case len(f.excluded) > 0 && !c.negates:
		return false, ""
	}
	return true, fmt.Sprintf("same kind of data and technique; it names %.0f %% of the rule's own values", 100*c.covered)
}

// differs says in words what keeps a near rule from being a match.
func differs(f facts, c candidate) string {
	var why []string
	if !sameSource(f.platform, c.platform) {
		why = append(why, "reads other data")
	}
	if f.aggregates != c.aggregates {
		why = append(why, "one of the two counts or correlates and the other does not")
	}
	if len(f.excluded) > 0 && !c.negates {
		why = append(why, "it has no exclusions")
	}
	if c.mitre == 0 {
		why = append(why, "another technique")
	}
	why = append(why, fmt.Sprintf("names %.0f %% of the rule's own values", 100*c.covered))
	return strings.Join(why, "; ")
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
