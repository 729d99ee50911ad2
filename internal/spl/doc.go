package spl

// What the grammar leaves open, and what is read here.
//
// Macros are expanded as text before anything is parsed, outside double quotes, because a definition may be half an
// expression or several stages. A call that touches one of the words AND, OR, NOT, BY, AS, IN, WHERE, FROM is kept
// apart from it; otherwise the text is joined as it stands (earliest=-`days`d). An empty definition is no definition.
// Calls that cannot be resolved stay in the text and become SearchMacro, ExprMacro or Unknown.
//
// Strings. \" is a quote and \\ a backslash; in the search grammar, in quotes or not, \| is a pipe as well. Every other
// backslash is kept, so "\d" needs no doubling, and * cannot be escaped. A value may be quoted in part: a" b"*.
//
// Search grammar. NOT binds tighter than OR, OR tighter than AND; they count in upper case only, IN in any case.
// Commas separate like spaces. f::v is the comparison f=v. In a value, = < > are characters, and so are parentheses
// around plain letters that do not stand first: *GetCurrent()*. A macro or subsearch as a value is a SearchHole.
//
// Eval grammar. Loosest first: XOR, OR, AND, NOT, comparisons with LIKE and IN, + - and the concatenation ., then * / %,
// then signs. Words are operators in any case. A dot or colon between two name characters without a space belongs to
// the name: a.b and userIdentity.userName are fields; a . b, a."x" and "x".a concatenate. A hyphen subtracts. Digits
// that run into letters are a field name. Bare null is null(), bare true and false are BoolLit. Chains of AND and of OR
// are balanced trees, whatever parentheses they were written with.
//
// Name lists (by, fields, table, …) take everything but white space, commas, brackets and quotes as a name, hyphens and
// wildcards included; single or double quotes allow the rest.
//
// Pipelines. Without a pipe before it, the first stage is a search unless its first word is search or a command that
// generates events; in a subsearch, any command. Pipes count outside double quotes, brackets and, in commands with
// expressions, single quotes. A stage that cannot be read becomes Unknown with a Problem, and reading goes on behind
// the next pipe; a string that is never closed ends with its stage.
