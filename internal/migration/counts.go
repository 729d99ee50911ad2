package migration

// Counts are rules by status.
type Counts struct {
	Total      int `json:"total"`
	Finished   int `json:"finished"`
	Pending    int `json:"pending"`
	Processing int `json:"processing"`
	Failed     int `json:"failed"`
}

// Done reports whether every rule has reached an end.
func (c Counts) Done() bool { return c.Total > 0 && c.Finished+c.Failed == c.Total }

// Add counts n rules of a status.
func (c *Counts) Add(s Status, n int) {
	c.Total += n
	switch s {
	case StatusPending:
		c.Pending += n
	case StatusProcessing:
		c.Processing += n
	case StatusFinished:
		c.Finished += n
	case StatusError:
		c.Failed += n
	}
}

// ResultCounts are rules by the result of their translation.
type ResultCounts struct {
	Full           int `json:"full"`
	Partial        int `json:"partial"`
	Untranslatable int `json:"untranslatable"`
}

// Add counts n rules of a result; none is not counted.
func (c *ResultCounts) Add(r Result, n int) {
	switch r {
	case Full:
		c.Full += n
	case Partial:
		c.Partial += n
	case Untranslatable:
		c.Untranslatable += n
	}
}

// Results are finished rules by what they came to. Matched are those among them whose place a prebuilt rule takes.
type Results struct {
	ResultCounts
	Matched int `json:"matched"`
}
