package compile

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/rulebridge/rulebridge/internal/migration"
	"github.com/rulebridge/rulebridge/internal/translate"
)

// Explained is an output with what became of each command of the search.
type Explained struct {
	Output
	Stages []Stage
}

// Stage pairs one command of the search with the ES|QL it became, in the text of the output's query.
type Stage struct {
	Command string
	SPL     Part
	ESQL    []Part // none where nothing became of it
	Notes   []int  // indices into the output's diagnostics
}

// Part is a piece of a text, from Start to the position after its end.
type Part struct {
	Start migration.Position `json:"start"`
	End   migration.Position `json:"end"`
	Text  string             `json:"text"`
}

// Explain compiles a rule like Compile and says what became of each command. A rule without a draft has no stages.
func (c *Cache) Explain(ctx context.Context, migrationID string, rule migration.OriginalRule) (Explained, error) {
	compiler, err := c.compiler(ctx, migrationID, rule)
	if err != nil {
		return Explained{}, err
	}
	out, err := compiler.TranslateContext(ctx, Request(rule))
	if err != nil {
		return Explained{}, err
	}
	made := Explained{Output: compiler.defaults.FromOutput(rule, out)}
	made.Compiler = c.version
	for _, s := range out.Stages {
		made.Stages = append(made.Stages, stageOf(rule.Query, out.Query, s))
	}
	return made, nil
}

func stageOf(spl, query string, s translate.Stage) Stage {
	stage := Stage{Command: s.Command, SPL: Part{Start: position(s.SPL.Start), End: position(s.SPL.End)}, ESQL: []Part{}, Notes: []int{}}
	if from, to := int(s.SPL.Start.Offset), int(s.SPL.End.Offset); 0 <= from && from <= to && to <= len(spl) {
		stage.SPL.Text = spl[from:to]
	}
	for i, text := range s.ESQL {
		from := int(s.Offsets[i])
		stage.ESQL = append(stage.ESQL, Part{Start: positionIn(query, from), End: positionIn(query, from+len(text)), Text: text})
	}
	stage.Notes = append(stage.Notes, s.Notes...)
	return stage
}

// positionIn counts lines, and columns in characters, from 1.
func positionIn(text string, offset int) migration.Position {
	before := text[:offset]
	line := strings.LastIndexByte(before, '\n') + 1
	return migration.Position{Line: 1 + strings.Count(before, "\n"), Column: 1 + utf8.RuneCountInString(before[line:])}
}
