package llm

import "fmt"

func newRemote(c Config) (Connector, error) {
	return nil, fmt.Errorf("connector %q: kind %q is not built in yet", c.ID, c.Kind)
}
