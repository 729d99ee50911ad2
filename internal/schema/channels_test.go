package schema

import (
	"slices"
	"strings"
	"testing"
)

// TestForwardedChannels asks where the events of channels without a pipeline have what add-ons name: such events stay as the
// agent wrote them, so nothing of theirs is a field of ECS for users, processes, files or addresses.
func TestForwardedChannels(t *testing.T) {
	channels := 0
	for _, s := range Default().Sources() {
		if !slices.Equal(s.Streams, []string{"windows/forwarded"}) ||
			!slices.ContainsFunc(s.Constraints, func(c Constraint) bool { return c.Field == "winlog.channel" }) {
			continue
		}
		channels++
		for _, name := range []string{
			"user", "User", "user_name", "user_id", "process_name", "process_id", "process", "src", "src_ip", "src_port",
			"dest_ip", "dest_port", "file_path", "file_name", "Source_Network_Address", "Process_Name",
		} {
			f := s.Field(name, Hint{})
			for _, place := range append([]string{f.Name}, f.Also...) {
				group, _, _ := strings.Cut(place, ".")
				if slices.Contains([]string{"user", "process", "source", "destination", "file"}, group) {
					t.Errorf("%s: %s is read from %s, which no event of the channel has", s.Name, name, place)
				}
			}
		}
	}
	if channels < 10 {
		t.Errorf("%d channels, want those of the tables", channels)
	}
}
