package config

import "testing"

// TestExample: the documented example loads.
func TestExample(t *testing.T) {
	c, err := Load(nil, write(t, example), []string{"OPENAI_API_KEY=k"})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Connectors) != 4 {
		t.Errorf("connectors %+v", c.Connectors)
	}
}
