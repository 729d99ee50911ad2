package spl

import "testing"

func TestConstant(t *testing.T) {
	for _, c := range []struct {
		expr, want string
		ok         bool
	}{
		{`"a"."b"`, "ab", true},
		{`"v>".(3*2)`, "v>6", true},
		{`1+2*3`, "7", true},
		{`7/2`, "3.5", true},
		{`7/0`, "", false},
		{`"a"+1`, "", false},
		{`"a"+"b"`, "ab", true},
		{`if(7>5,"user=bob","user=al*")`, "user=bob", true},
		{`if("10">"9","number","text")`, "number", true},
		{`if("b">"a" AND NOT "x"="y","yes","no")`, "yes", true},
		{`case("x"="y","1","x" IN ("y","x"),"2")`, "2", true},
		{`case("x"="y","1")`, "", false},
		{`validate(1=1,"a",1=2,"b")`, "b", true},
		{`coalesce(null(),"z")`, "z", true},
		{`if(isnull(null()),lower("AB"),upper("ab"))`, "ab", true},
		{`len("häß")`, "3", true},
		{`round(2.5)."|".floor(2.9)."|".ceil(2.1)."|".abs(-4)`, "3|2|3|4", true},
		{`tostring(1=1)`, "True", true},
		{`field."x"`, "", false},
		{`now()`, "", false},
		{`if(field="x","a","b")`, "", false},
		{`strftime(0,"%Y")`, "", false},
	} {
		e, err := ParseExpr(c.expr)
		if err != nil {
			t.Errorf("%s: %v", c.expr, err)
			continue
		}
		if got, ok := constant(e); got != c.want || ok != c.ok {
			t.Errorf("%s: %q, %v; want %q, %v", c.expr, got, ok, c.want, c.ok)
		}
	}
}
