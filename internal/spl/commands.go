package spl

import (
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/nearest"
)

// command reads the command at p.pos. implied: no pipe stands before it, so it may be a search without its name.
func (p *parser) command(implied, sub bool) Command {
	a := p.pos
	at := p.at(a, p.end)
	if p.buf[a] == '`' {
		if implied {
			return p.search(at, true)
		}
		return p.macroStage(at)
	}
	name := firstWord(p.buf[a:p.end])
	if implied && !p.commandFirst(name, sub) {
		return p.search(at, true)
	}
	p.pos += len(name)
	if name == "" || p.pos < p.end && !p.endsCommandName(p.pos) {
		p.pos = a
		p.fail(a, CodeUnknownCommand, "a command is expected here, found %s", quoteShort(p.buf[a:p.end]))
		return nil
	}
	switch name {
	case "search":
		return p.search(at, false)
	case "where":
		return &Where{at, p.expr()}
	case "eval":
		return p.eval(at)
	case "stats", "eventstats", "streamstats", "sistats":
		return p.stats(at, name)
	case "tstats", "mstats":
		return p.tstats(at, name)
	case "chart", "timechart", "sichart", "sitimechart":
		return p.chart(at, name)
	case "top", "rare", "sitop", "sirare":
		return p.top(at, name)
	case "regex":
		return p.regex(at)
	case "rename":
		return p.rename(at)
	case "fields":
		return p.fields(at)
	case "table":
		return &Table{at, p.names(nil)}
	case "rex":
		return p.rex(at)
	case "sort":
		return p.sort(at)
	case "dedup":
		return p.dedup(at)
	case "head":
		return p.head(at)
	case "tail":
		n, ok := p.integer()
		if !ok {
			n = 10
		}
		return &Tail{at, n}
	case "fillnull":
		return p.fillNull(at)
	case "filldown":
		return &FillDown{at, p.names(nil)}
	case "reverse":
		return &Reverse{at}
	case "bin", "bucket", "discretize":
		return p.bin(at)
	case "lookup":
		return p.lookup(at)
	case "inputlookup":
		return p.inputLookup(at)
	case "outputlookup":
		opts, table := p.optionsAndName("lookup table")
		return &OutputLookup{at, opts, table}
	case "join", "selfjoin":
		if name == "join" {
			return p.join(at)
		}
	case "append", "appendcols", "appendpipe":
		return p.appendCmd(at, name)
	case "multisearch", "union":
		return p.multisearch(at, name)
	case "transaction":
		return p.transaction(at)
	case "makemv":
		opts, f := p.optionsAndName("field")
		return &MakeMV{at, opts, f}
	case "mvexpand":
		return p.mvExpand(at)
	case "mvcombine":
		opts, f := p.optionsAndName("field")
		return &MVCombine{at, opts, f}
	case "nomv":
		return &NoMV{at, p.mustName("field")}
	case "spath":
		return p.spath(at)
	case "extract", "kv", "xmlkv", "xpath", "kvform", "multikv", "xmlunescape", "erex":
		opts, args := p.optionsAndNames()
		return &Extract{at, name, opts, args}
	case "convert":
		return p.convert(at)
	case "foreach":
		return p.foreach(at)
	case "map":
		return p.mapCmd(at)
	case "iplocation":
		opts, f := p.optionsAndName("field")
		return &IPLocation{at, opts, f}
	case "from", "datamodel":
		return p.from(at, name)
	case "makeresults":
		opts, args := p.optionsAndNames()
		if len(args) > 0 {
			p.fail(a, CodeSyntax, "makeresults takes options only, found %q", args[0].Text)
		}
		return &MakeResults{at, opts}
	case "return":
		return p.returnCmd(at)
	case "format":
		opts, args := p.optionsAndNames()
		return &Format{at, opts, args}
	}
	if !isCommand(name) {
		p.fail(a, CodeUnknownCommand, "%s is not a Splunk command%s: check its spelling, or replace it if an app brought it", name, nearest.Hint(name, documented))
		return nil
	}
	return p.other(at, name)
}

// endsCommandName says whether a command name may end at i.
func (p *parser) endsCommandName(i int) bool {
	switch p.buf[i] {
	case '"', '\'', '(', '[', '`', '-', '+', '=', '<', '>', '!', ',':
		return true
	}
	return spaceAt(p.buf, i) > 0
}

// commandFirst says whether the first word of a pipeline without a pipe before it is a command. In a subsearch any
// command may stand there; at the top only search and what generates events.
func (p *parser) commandFirst(name string, sub bool) bool {
	e := p.pos + len(name)
	if name == "" || e < p.end && !p.endsCommandName(e) {
		return false
	}
	if name != "search" && !(sub && isCommand(name)) && !isGenerating(name) {
		return false
	}
	i := skipSpace(p.buf, e, p.end)
	if i >= p.end {
		return name == "search" || sub || name == "makeresults"
	}
	switch c := p.buf[i]; c {
	case '=', '<', '>', ',', ')':
		return false
	case '!':
		return i+1 >= p.end || p.buf[i+1] != '='
	}
	rest := strings.ToUpper(p.buf[i:min(i+4, p.end)])
	return name == "search" || !strings.HasPrefix(rest, "OR ") && !strings.HasPrefix(rest, "AND ") && !strings.HasPrefix(rest, "IN ")
}

// macroStage is a stage that starts with an unresolved macro.
func (p *parser) macroStage(at At) Command {
	a := p.pos
	c, ok := scanMacro(p.buf, a, p.end)
	if !ok {
		p.skipMacro()
		return nil
	}
	u := &Unknown{At: at, Command: c.name, Macro: true, Text: p.buf[a:p.end]}
	p.pos = c.end
	if p.peek() != 0 {
		p.problem(p.pos, p.end, CodeUnknownMacro, "macro %s has no definition and more follows it: the stage cannot be read", c.name)
		p.pos = p.end
	}
	return u
}

func (p *parser) search(at At, implied bool) Command {
	e := p.searchExpr(searchMode{})
	if e == nil && implied {
		p.syntax("condition expected")
	}
	return &Search{at, e, implied}
}

func (p *parser) eval(at At) Command {
	c := &Eval{At: at}
	for {
		p.separators()
		if p.peek() == 0 {
			break
		}
		a := p.pos
		n := p.assignee()
		if p.err == nil && !p.accept('=') {
			p.syntax("= expected after %s", n.Text)
		}
		if p.err != nil {
			return nil
		}
		e := p.expr()
		if p.err != nil {
			return nil
		}
		c.Assigns = append(c.Assigns, Assign{p.at(a, p.lastEnd(a)), n, e})
		if p.peek() != ',' {
			break
		}
	}
	if len(c.Assigns) == 0 {
		p.syntax("assignment expected")
	}
	return c
}

// assignee reads the left side of an assignment, where any word is a name.
func (p *parser) assignee() Name {
	if p.peek() == '\'' {
		if k := strings.IndexByte(p.buf[p.pos+1:p.end], '\''); k >= 0 {
			a := p.pos
			p.pos += k + 2
			return Name{p.at(a, p.pos), p.buf[a+1 : p.pos-1], true}
		}
	}
	return p.mustName("field")
}

// integer reads digits if they are a word of their own.
func (p *parser) integer() (int, bool) {
	p.peek()
	e := p.wordEnd(p.pos, nameStops)
	n, err := strconv.Atoi(p.buf[p.pos:e])
	if err != nil || n < 0 || !isDigit(p.buf[p.pos]) {
		return 0, false
	}
	if _, opt := p.atOption(); opt {
		return 0, false
	}
	p.pos = e
	return n, true
}

// optionsAndNames reads options and names in any order.
func (p *parser) optionsAndNames() ([]Option, []Name) {
	var opts []Option
	var names []Name
	for {
		p.separators()
		if o, ok := p.option(); ok {
			opts = append(opts, o)
			continue
		}
		n, ok := p.fieldName()
		if !ok {
			return opts, names
		}
		names = append(names, n)
	}
}

// optionsAndName is optionsAndNames for exactly one name.
func (p *parser) optionsAndName(what string) ([]Option, Name) {
	a := p.posAfterSpace()
	opts, names := p.optionsAndNames()
	if p.err == nil && len(names) != 1 {
		p.fail(a, CodeSyntax, "one %s expected, found %d", what, len(names))
		return opts, Name{}
	}
	if p.err != nil {
		return opts, Name{}
	}
	return opts, names[0]
}

func (p *parser) sort(at At) Command {
	c := &Sort{At: at, Limit: -1}
	if n, ok := p.integer(); ok {
		c.Limit = n
	} else if e, ok := p.atOption(); ok && strings.EqualFold(p.buf[p.pos:e], "limit") {
		o, _ := p.option()
		n, err := strconv.Atoi(o.Value)
		if err != nil || n < 0 {
			p.syntax("limit=%s: a number is expected", o.Value)
			return nil
		}
		c.Limit = n
	}
	p.keyword("by")
	c.Keys = p.sortKeys(true)
	if n := len(c.Keys); n > 1 {
		// A last word d or desc turns the whole order round; a and asc say what is so anyway.
		switch k := c.Keys[n-1]; {
		case k.Field.Quoted || k.Desc || k.Func != "":
		case strings.EqualFold(k.Field.Text, "d"), strings.EqualFold(k.Field.Text, "desc"):
			c.Desc, c.Keys = true, c.Keys[:n-1]
		case strings.EqualFold(k.Field.Text, "a"), strings.EqualFold(k.Field.Text, "asc"):
			c.Keys = c.Keys[:n-1]
		}
	}
	if len(c.Keys) == 0 {
		p.syntax("field to sort by expected")
	}
	return c
}

func (p *parser) sortKeys(must bool) []SortKey {
	var keys []SortKey
	for {
		p.separators()
		a := p.posAfterSpace()
		k := SortKey{}
		if p.accept('-') {
			k.Desc = true
		} else {
			p.accept('+')
		}
		start := p.posAfterSpace()
		n, ok := p.name()
		if !ok {
			if p.pos > a {
				p.syntax("field to sort by expected")
			}
			return keys
		}
		k.Field = n
		if !n.Quoted && p.pos < p.end && p.buf[p.pos] == '(' {
			switch how := strings.ToLower(n.Text); how {
			case "auto", "str", "num", "ip":
				k.Func = how
				p.pos++
				k.Field = p.mustFieldName("field")
				if p.err == nil && !p.accept(')') {
					p.syntax(") expected")
				}
			default: // a field that is named after its aggregation: -sum(bytes)
				p.pos = start
				k.Field = p.mustFieldName("field")
			}
			if p.err != nil {
				return nil
			}
		}
		k.At = p.at(a, p.pos)
		keys = append(keys, k)
	}
}

func (p *parser) dedup(at At) Command {
	c := &Dedup{At: at, Count: 1}
	if n, ok := p.integer(); ok {
		c.Count = n
	}
	for {
		p.separators()
		if o, ok := p.option(); ok {
			c.Options = append(c.Options, o)
			continue
		}
		if p.keyword("sortby") {
			c.SortBy = p.sortKeys(true)
			continue
		}
		n, ok := p.fieldName()
		if !ok {
			break
		}
		c.Fields = append(c.Fields, n)
	}
	if len(c.Fields) == 0 {
		p.syntax("field expected")
	}
	return c
}

func (p *parser) head(at At) Command {
	c := &Head{At: at, Count: 10}
	given := false
	for p.peek() != 0 {
		if n, ok := p.integer(); ok && !given && !p.operatorNext() {
			c.Count, given = n, true
			continue
		}
		if e, ok := p.atOption(); ok {
			switch strings.ToLower(p.buf[p.pos:e]) {
			case "limit", "null", "keeplast":
				o, _ := p.option()
				if o.Name == "limit" {
					n, err := strconv.Atoi(o.Value)
					if err != nil || n < 0 {
						p.syntax("limit=%s: a number is expected", o.Value)
						return nil
					}
					c.Count = n
					continue
				}
				c.Options = append(c.Options, o)
				continue
			}
		}
		if c.Expr != nil {
			break
		}
		if c.Expr = p.expr(); p.err != nil {
			return nil
		}
	}
	return c
}

func (p *parser) operatorNext() bool {
	switch p.peek() {
	case '=', '<', '>', '!', '+', '*', '/':
		return true
	}
	return false
}

func (p *parser) lookup(at At) Command {
	c := &Lookup{At: at}
	for {
		o, ok := p.option()
		if !ok {
			break
		}
		c.Options = append(c.Options, o)
	}
	c.Table = p.tableName()
	c.Keys = p.lookupFields()
	if p.keyword("outputnew") {
		c.OutputNew = true
		c.Outputs = p.lookupFields()
	} else if p.keyword("output") {
		c.Outputs = p.lookupFields()
	}
	if len(c.Keys) == 0 {
		p.syntax("lookup field expected")
	}
	return c
}

// tableName reads the table of a lookup; an unresolved macro stands for itself, since skipping it would make a table of
// the first field.
func (p *parser) tableName() Name {
	if p.peek() != '`' {
		return p.mustName("lookup table")
	}
	a := p.pos
	p.skipMacro()
	return Name{p.at(a, p.pos), p.buf[a:p.pos], false}
}

func (p *parser) lookupFields() []LookupField {
	var list []LookupField
	for {
		p.separators()
		if p.atKeyword("output") || p.atKeyword("outputnew") {
			return list
		}
		a := p.pos
		n, ok := p.name()
		if !ok {
			return list
		}
		f := LookupField{Column: n, Field: n}
		if p.keyword("as") {
			f.Field = p.mustName("field")
		}
		f.At = p.at(a, p.lastEnd(a))
		list = append(list, f)
	}
}

func (p *parser) inputLookup(at At) Command {
	c := &InputLookup{At: at}
	found := false
	for {
		p.separators()
		if found && p.keyword("where") {
			if c.Where = p.searchExpr(searchMode{}); c.Where == nil {
				p.syntax("condition expected after WHERE")
				return nil
			}
			break
		}
		if o, ok := p.option(); ok {
			c.Options = append(c.Options, o)
			continue
		}
		if found {
			break
		}
		n, ok := p.name()
		if !ok {
			break
		}
		c.Table, found = n, true
	}
	if !found {
		p.syntax("lookup table expected")
	}
	return c
}
