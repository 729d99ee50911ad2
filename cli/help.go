package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// wrapHelp breaks help at the width of the terminal; without one it stays as it is written.
func (p Program) wrapHelp(root *cobra.Command) {
	width, tty := terminal(p.Stdout)
	if !tty {
		return
	}
	width = min(max(width, 60), 120)
	template := root.UsageTemplate()
	for _, flags := range []string{".LocalFlags", ".InheritedFlags"} {
		template = strings.ReplaceAll(template, flags+".FlagUsages", fmt.Sprintf("%s.FlagUsagesWrapped %d", flags, width))
	}
	root.SetUsageTemplate(template)
	help := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		long := c.Long
		c.Long = rewrap(long, width)
		defer func() { c.Long = long }()
		help(c, args)
	})
}

// rewrap sets paragraphs in lines of at most width characters. Lines that begin with spaces stay apart.
func rewrap(s string, width int) string {
	var out []string
	line := ""
	flush := func() {
		if line != "" {
			out = append(out, line)
			line = ""
		}
	}
	for l := range strings.SplitSeq(s, "\n") {
		if l == "" || strings.HasPrefix(l, " ") {
			flush()
			out = append(out, l)
			continue
		}
		for _, word := range strings.Fields(l) {
			if line != "" && len([]rune(line))+1+len([]rune(word)) > width {
				flush()
			}
			if line != "" {
				line += " "
			}
			line += word
		}
	}
	flush()
	return strings.Join(out, "\n")
}
