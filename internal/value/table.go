package value

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Page is a page of Splunk's documentation, as its address below https://docs.splunk.com/Documentation/Splunk/latest/.
// Empty: no page settles the row.
type Page string

// Row says what an operation does with arguments of certain kinds.
type Row struct {
	Kinds  []Kind // of the arguments in order; the last one stands for all that follow
	Result Kind
	// Missing and Several are of the result, when no argument is missing or has several values.
	Missing, Several Often
	Does             string
	Page             Page
}

// Op is one operation in one place.
type Op struct {
	Name     string
	Place    Place
	Min, Max int // number of arguments; Max -1 for any
	Rows     []Row
	// Lazy operations need their arguments as expressions (mvmap) or know the row (searchmatch): the interpreter
	// has them.
	Lazy bool
	fn   func(*Env, []Value) Value
}

// Env is what operations know beside their arguments. It is not safe for concurrent use.
type Env struct {
	Now    time.Time
	Zone   *time.Location // nil: UTC
	Random *rand.Rand     // nil: a fixed seed
	// Spend counts work and fails when a budget is used up; nil counts nothing.
	Spend func(steps int) error

	err      error
	patterns map[string]*Pattern
}

// Err is the first failure of an operation since the last call of Err.
func (e *Env) Err() error {
	err := e.err
	e.err = nil
	return err
}

func (e *Env) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

// spend counts work; false means stop.
func (e *Env) spend(n int) bool {
	if e.err != nil {
		return false
	}
	if e.Spend != nil {
		if err := e.Spend(n); err != nil {
			e.fail(err)
			return false
		}
	}
	return true
}

func (e *Env) zone() *time.Location {
	if e.Zone == nil {
		return time.UTC
	}
	return e.Zone
}

// Call runs the operation on its arguments.
func (o *Op) Call(e *Env, args []Value) Value {
	if o.fn == nil || len(args) < o.Min || o.Max >= 0 && len(args) > o.Max {
		return nil
	}
	if !e.spend(1) {
		return nil
	}
	return o.fn(e, args)
}

// Describe gives the description of the result for arguments of the given descriptions.
func (o *Op) Describe(args []Desc) Desc {
	d := Desc{Kind: Any, Missing: Maybe, Several: Maybe}
	for _, r := range o.Rows {
		if !r.fits(args) {
			continue
		}
		d = Desc{Kind: r.Result, Missing: r.Missing, Several: r.Several, Settled: r.Page != ""}
		break
	}
	if through := o.through(len(args)); through != nil {
		out := passed(d, args, through)
		switch {
		case o.Name == "coalesce":
			// The first argument that is always there ends the search.
			out.Missing = Maybe
			for _, a := range args {
				if a.Missing == Never {
					out.Missing = Never
				}
			}
		case o.Name == "mvappend":
			out.Several = Maybe
		case o.Name == "if" && len(args) == 3:
		case o.Name != "mvdedup" && o.Name != "mvsort":
			out.Missing = Maybe
		}
		return out
	}
	if o.strict() {
		for _, a := range args {
			d.Missing = max(d.Missing, a.Missing)
			if !a.Settled {
				d.Settled = false
			}
		}
	}
	return d
}

// through are the arguments that the operation gives back as they are, nil for an operation that makes a value.
func (o *Op) through(n int) []int {
	var list []int
	switch o.Name {
	case "if":
		for i := 1; i < n; i++ {
			list = append(list, i)
		}
	case "case", "validate":
		for i := 1; i < n; i += 2 {
			list = append(list, i)
		}
	case "coalesce", "mvappend":
		for i := range n {
			list = append(list, i)
		}
	case "nullif", "mvdedup", "mvsort":
		list = []int{0}
	}
	return list
}

// passed describes a value that is one of several: it is of their kind where they agree.
func passed(d Desc, args []Desc, through []int) Desc {
	several, missing := Never, Never
	kind := Missing
	for _, i := range through {
		a := args[i]
		missing, several = max(missing, min(a.Missing, Maybe)), max(several, min(a.Several, Maybe))
		d.Settled = d.Settled && a.Settled
		switch {
		case a.Kind == Missing || a.Kind == kind:
		case kind == Missing:
			kind = a.Kind
		case kind == Boolean || a.Kind == Boolean:
			kind = Any
		default:
			kind = Numeral
		}
	}
	d.Kind, d.Several = kind, several
	d.Missing = missing
	return d
}

// strict says that a missing argument makes the result missing.
func (o *Op) strict() bool {
	for _, r := range o.Rows {
		if len(r.Kinds) > 0 && r.Kinds[0] == Missing {
			return r.Result == Missing
		}
	}
	return false
}

func (r Row) fits(args []Desc) bool {
	for i, a := range args {
		k := Any
		if len(r.Kinds) > 0 {
			k = r.Kinds[min(i, len(r.Kinds)-1)]
		}
		switch {
		case k == Any, k == a.Kind:
		case k == Numeral && (a.Kind == Any || a.Kind == Text || a.Kind == Number || a.Kind == Time || a.Kind == Address):
		case k == Number && a.Kind == Time:
		default:
			return false
		}
	}
	return true
}

type opKey struct {
	name  string
	place Place
}

// table is built once from the lists of the files.
var table = sync.OnceValue(func() map[opKey]*Op {
	m := map[opKey]*Op{}
	for _, list := range lists() {
		for i := range list {
			m[opKey{list[i].Name, list[i].Place}] = &list[i]
		}
	}
	return m
})

func lists() [][]Op {
	return [][]Op{compareOps(), arithmeticOps(), logicOps(), mathOps(), textOps(), timeOps(), multiOps(), jsonOps(), networkOps(), aggregateOps(), keyOps()}
}

// Find is the operation of a name in a place.
func Find(name string, place Place) (*Op, bool) {
	o, ok := table()[opKey{name, place}]
	return o, ok
}

// All lists the operations in the order of the documentation.
func All() []*Op {
	var all []*Op
	for _, list := range lists() {
		for i := range list {
			o, _ := Find(list[i].Name, list[i].Place)
			all = append(all, o)
		}
	}
	return all
}

// kinds is a list of kinds.
func kinds(k ...Kind) []Kind { return k }

// Fail records a failure, if none was recorded before.
func (e *Env) Fail(err error) { e.fail(err) }

// Failed says that a failure was recorded.
func (e *Env) Failed() bool { return e.err != nil }

// Count counts work.
func (e *Env) Count(n int) { e.spend(n) }
