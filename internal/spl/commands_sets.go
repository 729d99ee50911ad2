package spl

import (
	"strconv"
	"strings"
)

func (p *parser) join(at At) Command {
	c := &Join{At: at}
	for p.peek() != 0 && p.peek() != '[' {
		p.separators()
		if len(c.Options) > 0 && p.keyword("where") {
			c.Where = p.expr()
			if p.err != nil {
				return nil
			}
			continue
		}
		if o, ok := p.option(); ok {
			c.Options = append(c.Options, o)
			continue
		}
		n, ok := p.name()
		if !ok {
			break
		}
		c.Fields = append(c.Fields, n)
	}
	c.Sub = p.mustSubsearch()
	return c
}

// mustSubsearch reads […], with an error when there is none.
func (p *parser) mustSubsearch() *Pipeline {
	if p.peek() != '[' {
		p.syntax("subsearch in brackets expected")
		return nil
	}
	return p.subsearch()
}

func (p *parser) appendCmd(at At, kind string) Command {
	c := &Append{At: at, Kind: kind}
	for {
		p.separators()
		o, ok := p.option()
		if !ok {
			break
		}
		c.Options = append(c.Options, o)
	}
	c.Sub = p.mustSubsearch()
	return c
}

func (p *parser) multisearch(at At, kind string) Command {
	c := &Multisearch{At: at, Kind: kind}
	for {
		p.separators()
		if p.peek() == '[' {
			if s := p.subsearch(); s != nil {
				c.Subs = append(c.Subs, s)
			}
			continue
		}
		if o, ok := p.option(); ok {
			c.Options = append(c.Options, o)
			continue
		}
		n, ok := p.name()
		if !ok {
			break
		}
		c.Datasets = append(c.Datasets, n)
	}
	if len(c.Subs)+len(c.Datasets) == 0 {
		p.syntax("subsearch in brackets expected")
	}
	return c
}

func (p *parser) transaction(at At) Command {
	c := &Transaction{At: at}
	for {
		p.separators()
		if e, ok := p.atOption(); ok {
			switch strings.ToLower(p.buf[p.pos:e]) {
			case "startswith":
				p.pos = skipSpace(p.buf, e, p.end) + 1
				c.StartsWith = p.filter()
				continue
			case "endswith":
				p.pos = skipSpace(p.buf, e, p.end) + 1
				c.EndsWith = p.filter()
				continue
			}
		}
		if o, ok := p.option(); ok {
			c.Options = append(c.Options, o)
			continue
		}
		n, ok := p.name()
		if !ok {
			break
		}
		c.Fields = append(c.Fields, n)
	}
	return c
}

// filter reads the value of startswith and endswith: eval(EXPR), (SEARCH), "SEARCH" or one word.
func (p *parser) filter() Filter {
	a := p.posAfterSpace()
	switch c := p.peek(); {
	case c == 0:
		p.syntax("filter expected after =")
	case p.atKeyword("eval") && p.pos+4 < p.end && p.buf[p.pos+4] == '(':
		p.pos += 4
		p.next()
		args := p.exprList()
		if p.err != nil {
			return Filter{}
		}
		p.pos = p.tok.a
		if len(args) == 1 {
			return Filter{Eval: args[0]}
		}
		p.fail(a, CodeSyntax, "one condition expected in eval(…)")
	case c == '(':
		return Filter{Search: p.searchAtom(searchMode{})}
	case c == '"':
		s := p.str(true)
		if p.err != nil {
			return Filter{}
		}
		// The string is a search expression of its own; its parts have the place of the string.
		at := p.at(a, p.pos)
		src := newSource(s)
		q := &parser{src: src, q: &Query{}, buf: s, end: len(s), maxDepth: p.maxDepth, depth: p.depth}
		src.src, src.lines, src.runes = p.src.src, p.src.lines, p.src.runes
		src.segs = []segment{{0, int(at.At.Start.Offset), int(at.At.End.Offset), false}}
		q.scan()
		e := q.searchExpr(searchMode{})
		q.finish()
		if e == nil || q.err != nil || len(q.q.Problems) > 0 {
			e = &Term{At: at, Value: Value{at, s, true}}
		}
		return Filter{Search: e}
	default:
		e := p.valueEnd(a)
		if e == a {
			p.syntax("filter expected after =")
			return Filter{}
		}
		end := p.end
		p.end = e
		x := p.searchExpr(searchMode{})
		if p.err == nil && (x == nil || p.peek() != 0) {
			p.syntax("filter expected after =")
		}
		p.end = end
		return Filter{Search: x}
	}
	return Filter{}
}

func (p *parser) mvExpand(at At) Command {
	opts, f := p.optionsAndName("field")
	c := &MVExpand{At: at, Field: f}
	for _, o := range opts {
		n, err := strconv.Atoi(o.Value)
		if o.Name != "limit" || err != nil || n < 0 {
			p.syntax("mvexpand takes limit=<number>, not %s=%s", o.Name, o.Value)
			return nil
		}
		c.Limit = n
	}
	return c
}

func (p *parser) spath(at At) Command {
	c := &SPath{At: at}
	opts, names := p.optionsAndNames()
	for _, o := range opts {
		n := &Name{o.At, o.Value, o.Quoted}
		switch o.Name {
		case "input":
			c.Input = n
		case "output":
			c.Output = n
		case "path":
			c.Path = n
		default:
			p.syntax("spath has no option %s", o.Name)
			return nil
		}
	}
	if len(names) > 1 || len(names) == 1 && c.Path != nil {
		p.syntax("spath takes one path")
		return nil
	}
	if len(names) == 1 {
		c.Path = &names[0]
	}
	return c
}

func (p *parser) convert(at At) Command {
	c := &Convert{At: at}
	for {
		p.separators()
		if p.peek() == 0 {
			break
		}
		a := p.pos
		if o, ok := p.option(); ok {
			if o.Name != "timeformat" {
				p.fail(a, CodeSyntax, "convert has no option %s", o.Name)
				return nil
			}
			c.Timeformat = o.Value
			continue
		}
		fn := p.mustName("function")
		if p.err == nil && !p.accept('(') {
			p.syntax("( expected after %s", fn.Text)
		}
		if p.err != nil {
			return nil
		}
		f := ConvertFunc{Func: strings.ToLower(fn.Text), Field: p.mustName("field")}
		if p.err == nil && !p.accept(')') {
			p.syntax(") expected after %s", f.Field.Text)
		}
		if p.err != nil {
			return nil
		}
		if p.keyword("as") {
			n := p.mustName("new name")
			f.As = &n
		}
		f.At = p.at(a, p.lastEnd(a))
		c.Funcs = append(c.Funcs, f)
	}
	if len(c.Funcs) == 0 {
		p.syntax("function expected")
	}
	return c
}

func (p *parser) foreach(at At) Command {
	c := &Foreach{At: at}
	for p.peek() != 0 && p.peek() != '[' {
		p.separators()
		if o, ok := p.option(); ok {
			c.Options = append(c.Options, o)
			continue
		}
		n, ok := p.name()
		if !ok {
			break
		}
		c.Patterns = append(c.Patterns, n)
	}
	if p.peek() != '[' {
		p.syntax("template in brackets expected")
		return nil
	}
	end := p.closing(p.pos)
	if end < 0 {
		p.syntax("template is never closed: add the missing ]")
		return nil
	}
	a, b := trimSpace(p.buf, p.pos+1, end)
	c.Template, c.Body = p.buf[a:b], p.at(a, b).At
	p.pos = end + 1
	return c
}

func (p *parser) mapCmd(at At) Command {
	c := &Map{At: at}
	for {
		p.separators()
		if p.peek() == '[' {
			if c.Sub != nil {
				break
			}
			c.Sub = p.subsearch()
			continue
		}
		o, ok := p.option()
		if !ok {
			break
		}
		if o.Name == "search" {
			c.Search = o.Value
			continue
		}
		c.Options = append(c.Options, o)
	}
	if c.Sub == nil && c.Search == "" {
		p.syntax("search=… or a subsearch expected")
	}
	return c
}

func (p *parser) from(at At, kind string) Command {
	c := &From{At: at, Kind: kind, Dataset: "datamodel"}
	if kind == "datamodel" {
		opts, names := p.optionsAndNames()
		c.Options = opts
		if len(names) == 0 || len(names) > 3 {
			p.syntax("data model expected")
			return nil
		}
		c.Model = names[0]
		// X.Y and X Y name the same dataset.
		mode := names[1:]
		if len(names) > 1 && !strings.Contains(c.Model.Text, ".") {
			mode = names[2:]
			c.Model.Text += "." + names[1].Text
			c.Model.Quoted = c.Model.Quoted || names[1].Quoted
			c.Model.At = At{Span{names[0].At.At.Start, names[1].At.At.End}}
		}
		if len(mode) > 1 {
			p.syntax("one mode expected, such as search or flat")
			return nil
		}
		if len(mode) == 1 {
			c.Mode = strings.ToLower(mode[0].Text)
		}
		return c
	}
	a := p.posAfterSpace()
	e := a
	for e < p.end && (isLetter(p.buf[e]) || p.buf[e] == '_') {
		e++
	}
	c.Dataset = strings.ToLower(p.buf[a:e])
	p.pos = e
	if !p.accept(':') {
		p.accept('=')
	}
	if c.Dataset == "" {
		p.syntax("dataset expected")
		return nil
	}
	c.Model = p.mustName("name of the dataset")
	if p.err == nil && c.Model.Quoted {
		// "X"."Y" is one name.
		for p.pos < p.end && p.buf[p.pos] == '.' {
			p.pos++
			n := p.mustName("name of the dataset")
			c.Model.Text += "." + n.Text
			c.Model.At.At.End = n.At.At.End
		}
	}
	for {
		p.separators()
		o, ok := p.option()
		if !ok {
			return c
		}
		c.Options = append(c.Options, o)
	}
}

func (p *parser) returnCmd(at At) Command {
	c := &Return{At: at, Count: 1}
	if n, ok := p.integer(); ok {
		c.Count = n
	}
	for {
		p.separators()
		a := p.posAfterSpace()
		n, ok := p.name()
		if !ok {
			break
		}
		f := ReturnField{Field: n}
		switch {
		case p.peek() == '=':
			p.pos++
			alias := n
			f.Alias = &alias
			f.Field = p.mustName("field")
		case !n.Quoted && len(n.Text) > 1 && n.Text[0] == '$':
			f.Dollar = true
			f.Field.Text = n.Text[1:]
		}
		f.At = p.at(a, p.lastEnd(a))
		c.Fields = append(c.Fields, f)
	}
	if len(c.Fields) == 0 {
		p.syntax("field expected")
	}
	return c
}

// other reads a command without a node of its own: options, words, strings, parenthesized parts and subsearches.
func (p *parser) other(at At, name string) Command {
	c := &Other{At: at, Command: name}
	for p.err == nil {
		p.separators()
		a := p.posAfterSpace()
		switch ch := p.peek(); ch {
		case 0:
			return c
		case '[':
			if s := p.subsearch(); s != nil {
				c.Subs = append(c.Subs, s)
			}
			continue
		case '(':
			e := p.balanced(a)
			if e < 0 {
				p.syntax("parenthesis is never closed: add the missing )")
				return nil
			}
			p.pos = e
			c.Args = append(c.Args, Name{p.at(a, e), p.buf[a:e], false})
			continue
		case ')', ']', '=', '<', '>':
			p.pos++
			c.Args = append(c.Args, Name{p.at(a, p.pos), p.buf[a:p.pos], false})
			continue
		}
		e, _ := p.atOption()
		if o, ok := p.option(); ok {
			if named := p.buf[a:e]; name == "rangemap" && o.Name != "field" && o.Name != "default" || name == "setfields" {
				o.Name = named // the name of a range or of a field, whose case counts
			}
			c.Options = append(c.Options, o)
			continue
		}
		read := p.fieldName
		if name == "trendline" {
			read = p.name // sma5(field) are two parts
		}
		if n, ok := read(); ok {
			c.Args = append(c.Args, n)
		} else if p.err == nil && p.pos == a {
			p.syntax("unexpected %s", quoteShort(p.buf[p.pos:p.end]))
		}
	}
	return c
}

// generating are the commands that start a pipeline with events of their own; documented are all that Splunk documents, those
// of its machine learning toolkit included.
var (
	generating = strings.Fields(`tstats mstats inputlookup makeresults from datamodel multisearch union rest metadata loadjob savedsearch
		dbxquery inputcsv metasearch pivot gentimes mcatalog mpreview eventcount dbinspect typeahead walklex history
		audit ldapsearch sdselect`)
	documented = append(strings.Fields(`search where eval stats eventstats streamstats sistats chart timechart sichart sitimechart top rare sitop
		sirare regex rename fields table rex sort dedup head tail fillnull filldown reverse bin bucket discretize
		lookup outputlookup join selfjoin append appendcols appendpipe transaction makemv mvexpand mvcombine nomv
		spath extract kv xmlkv xpath kvform multikv xmlunescape erex convert foreach map iplocation return format
		abstract accum addcoltotals addinfo addtotals af analyzefields anomalies anomalousvalue anomalydetection
		arules associate autoregress bucketdir cluster cofilter collect concurrency contingency correlate counttable
		ctable createrss crawl cube delete delta diff dump entitymerge eventtypes expand fieldformat fieldsummary
		file findkeywords findtypes flatten folderize fromjson gauge geom geomfilter geostats highlight iconify
		input internalinputcsv kmeans localize localop lookupdefinition makecontinuous mcollect meventcollect
		msearch noop overlap outlier outputcsv outputtext outputtelemetry predict rangemap relevancy reltime replace
		redistribute require rtorder run runshellscript savedsplunk script scrub searchtxn sendalert sendemail set setfields
		shape slc snowincident strcat strptime tags tojson transam transpose trendline tscollect typelearner typer
		uniq untable untranspose x11 xsdisplaywhere xswhere xyseries maketable timewrap tagcreate apply fit summary
		deletemodel listmodels score sample`), generating...)

	generatingSet, documentedSet = setOf(generating), setOf(documented)
)

func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return set
}

// isGenerating says whether a command starts a pipeline with events of its own.
func isGenerating(name string) bool { return generatingSet[name] }

// isCommand says whether Splunk documents a command of this name.
func isCommand(name string) bool { return documentedSet[name] }

// Commands are the names of all commands that Splunk documents, those of its machine learning toolkit included.
func Commands() []string { return append([]string(nil), documented...) }
