package splunk

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/rulebridge/rulebridge/internal/migration"
)

// lookupOf takes a lookup definition of transforms.conf, with the rows of its file.
func (in *importer) lookupOf(fsys fs.FS, a appFolder, at layer, m *merged, private func(kind, name string) bool) {
	file, kind := m.value("filename"), m.value("external_type")
	at.local = m.local
	item := Item{File: m.File, Line: m.Line, Kind: "lookup", Name: m.Name}
	res := migration.Resource{
		Type: migration.ResourceLookup, Name: m.Name, Kind: "csv", MatchType: m.value("match_type"),
		DefaultMatch: m.value("default_match"), MaxMatches: number(m.value("max_matches")), MinMatches: number(m.value("min_matches")),
	}
	if v, ok := m.Get("case_sensitive_match"); ok {
		sensitive := isTrue(v)
		res.CaseSensitiveMatch = &sensitive
	}
	switch {
	case file != "":
		columns, rows, total, err := in.rows(fsys, path.Join(a.dir, "lookups", path.Base(file)))
		res.Columns, res.Rows, res.TotalRows = columns, rows, total
		if err != nil {
			item.Why = "its rows are not known: " + err.Error()
			res.TotalRows = 1
		}
	case kind == "kvstore" || m.value("collection") != "":
		res.Kind, res.TotalRows = "kvstore", 1
		for _, f := range strings.Split(m.value("fields_list"), ",") {
			if f = strings.TrimSpace(f); f != "" {
				res.Columns = append(res.Columns, f)
			}
		}
		item.Why = "its rows are in a KV store: export them to have the lookup whole"
	default:
		return // an extraction, not a lookup
	}
	in.define(in.lookups, m.Name, definition{resource: res, item: item, layer: at, private: private("transforms", m.Name)})
}

// lookupFiles takes the files of an app, which searches may name by their file name.
func (in *importer) lookupFiles(fsys fs.FS, root string, a appFolder, at layer, private func(kind, name string) bool) {
	for _, name := range in.filesIn(fsys, root, path.Join(a.dir, "lookups"), ".csv") {
		file := path.Join(a.dir, "lookups", name)
		columns, rows, total, err := in.rows(fsys, file)
		item := Item{File: join(root, file), Kind: "lookup", Name: name}
		if err != nil {
			item.Outcome, item.Why = Fault, err.Error()
			in.say(item)
			continue
		}
		in.define(in.lookups, name, definition{
			resource: migration.Resource{Type: migration.ResourceLookup, Name: name, Kind: "csv", Columns: columns, Rows: rows, TotalRows: total},
			item:     item, layer: at, private: private("lookups", name),
		})
	}
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// rows reads a lookup file. total counts all of its rows, of which the first are kept.
func (in *importer) rows(fsys fs.FS, name string) (columns []string, rows []map[string]string, total int, err error) {
	f, err := openFile(fsys, name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil, 0, fmt.Errorf("the file %s is missing", path.Base(name))
		}
		return nil, nil, 0, err
	}
	defer func() { _ = f.Close() }()
	return readCSV(decoded(f, maxFile))
}

// readCSV reads a table with a header as Splunk does: a short row has empty cells, quotes may stand inside a cell.
func readCSV(r io.Reader) (columns []string, rows []map[string]string, total int, err error) {
	c := csv.NewReader(r)
	c.FieldsPerRecord, c.LazyQuotes = -1, true
	if columns, err = c.Read(); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil, 0, errors.New("the file is empty")
		}
		return nil, nil, 0, fmt.Errorf("its header cannot be read: %w", err)
	}
	for i := range columns {
		columns[i] = strings.TrimSpace(columns[i])
	}
	for {
		record, err := c.Read()
		switch {
		case errors.Is(err, io.EOF):
			return columns, rows, total, nil
		case err != nil:
			return nil, nil, 0, fmt.Errorf("row %d cannot be read: %w", total+1, err)
		}
		total++
		if total > maxRows {
			continue
		}
		row := make(map[string]string, len(columns))
		for i, column := range columns {
			if i < len(record) && record[i] != "" {
				row[column] = record[i]
			}
		}
		rows = append(rows, row)
	}
}
