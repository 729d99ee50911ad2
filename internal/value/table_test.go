package value

import (
	"flag"
	"os"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write docs/values.md")

// TestDocument keeps docs/values.md in step with the table.
func TestDocument(t *testing.T) {
	const path = "../../docs/values.md"
	got := Document()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Error("docs/values.md is not what the table says: run go test ./internal/value -run TestDocument -update and read the difference")
	}
}

// handful is a handful of values of each kind.
func handful() map[Kind][]Value {
	return map[Kind][]Value{
		Missing: {nil},
		Text:    {Str(""), Str("abc"), Str(`C:\Windows`), Str("1 2"), Str("-")},
		Numeral: {Str("10"), Str("9"), Str("2.50"), Str("-1e3"), Str("007")},
		Number:  {Num(2), Num(2.5), Num(1e7), NumPlaces(3, 2), Num(-4)},
		Time:    {Num(1767312000)},
		Address: {Str("10.0.0.1"), Str("2001:db8::1")},
		Boolean: {Bool(true), Bool(false)},
		Any:     {Strs([]string{"a", "b"}), Strs([]string{"10", "9"}), Str("x")},
	}
}

// TestTableRows calls every operation with a handful of values of the kinds of each of its rows: the result is of the kind
// that the row says.
func TestTableRows(t *testing.T) {
	values := handful()
	calls := 0
	for _, o := range All() {
		if o.Lazy {
			continue
		}
		for n, r := range o.Rows {
			told := false
			for i := range 5 {
				for j := range 5 {
					count := max(o.Min, len(r.Kinds))
					if o.Max >= 0 {
						count = min(count, o.Max)
					}
					args := make([]Value, count)
					for k := range args {
						kind := r.Kinds[min(k, len(r.Kinds)-1)]
						list := values[kind]
						at := i
						if k > 0 {
							at = j + k - 1
						}
						args[k] = list[at%len(list)]
					}
					e := &Env{Now: time.Unix(1767312000, 0)}
					got := o.Call(e, args)
					if err := e.Err(); err != nil {
						continue // a text that is no regular expression
					}
					calls++
					if !r.allows(got) && !told {
						told = true
						t.Errorf("%s in %s, row %d (%v): %v gives %v, which the row does not say", o.Name, o.Place, n, r.Kinds, args, got)
					}
				}
			}
		}
	}
	if calls < 5000 {
		t.Errorf("only %d calls", calls)
	}
	t.Logf("FIGURE calls of the table's operations with results as its rows say: %d", calls)
}

// allows says whether a value can be what a row says.
func (r Row) allows(v Value) bool {
	if v.Missing() {
		return r.Result == Missing || r.Result == Any || r.Missing != Never
	}
	if r.Result == Missing || len(v) > 1 && r.Several == Never && r.Result != Any && !(len(r.Kinds) > 0 && r.Kinds[0] == Any) {
		return false
	}
	for _, a := range v {
		k := a.Kind()
		switch r.Result {
		case Any, Numeral:
		case Number, Time:
			if k != Number {
				return false
			}
		case Boolean:
			if k != Boolean {
				return false
			}
		case Text, Address:
			if k == Number || k == Boolean {
				return false
			}
		}
	}
	return true
}

// TestDescribe: descriptions of results.
func TestDescribe(t *testing.T) {
	text, number := Desc{Kind: Text, Settled: true}, Desc{Kind: Number, Settled: true}
	numeral := Desc{Kind: Numeral, Missing: Maybe, Settled: true}
	for _, tc := range []struct {
		op    string
		place Place
		args  []Desc
		want  Desc
	}{
		{"+", InEval, []Desc{number, number}, Desc{Kind: Number, Settled: true}},
		{"+", InEval, []Desc{text, text}, Desc{Kind: Text, Settled: true}},
		{"+", InEval, []Desc{text, number}, Desc{Kind: Text, Missing: Maybe}},
		{"+", InEval, []Desc{numeral, number}, Desc{Kind: Numeral, Missing: Maybe, Settled: true}},
		{".", InEval, []Desc{number, text}, Desc{Kind: Numeral, Settled: true}},
		{"<", InEval, []Desc{number, number}, Desc{Kind: Boolean, Settled: true}},
		{"len", InEval, []Desc{numeral}, Desc{Kind: Number, Missing: Maybe, Settled: true}},
		{"if", InEval, []Desc{{Kind: Boolean}, number, number}, Desc{Kind: Number, Settled: true}},
		{"if", InEval, []Desc{{Kind: Boolean}, number, text}, Desc{Kind: Numeral, Settled: true}},
		{"case", InEval, []Desc{{Kind: Boolean}, text}, Desc{Kind: Text, Missing: Maybe, Settled: true}},
		{"coalesce", InEval, []Desc{numeral, text}, Desc{Kind: Numeral, Settled: true}},
		{"isint", InEval, []Desc{numeral}, Desc{Kind: Boolean, Settled: true}},
	} {
		o, ok := Find(tc.op, tc.place)
		if !ok {
			t.Fatalf("no %s in %s", tc.op, tc.place)
		}
		if got := o.Describe(tc.args); got != tc.want {
			t.Errorf("%s of %v: %+v, want %+v", tc.op, tc.args, got, tc.want)
		}
	}
}
