package spl

import (
	"fmt"
	"reflect"
	"strings"
)

// dump writes a tree as indented text; spans are byte offsets and left out on demand.
func dump(v any, spans bool) string {
	var b strings.Builder
	dumpValue(&b, reflect.ValueOf(v), "", spans)
	return b.String()
}

func dumpValue(b *strings.Builder, v reflect.Value, indent string, spans bool) {
	switch v.Kind() {
	case reflect.Interface, reflect.Pointer:
		if v.IsNil() {
			b.WriteString("nil\n")
			return
		}
		dumpValue(b, v.Elem(), indent, spans)
	case reflect.Slice:
		b.WriteString("\n")
		for i := range v.Len() {
			b.WriteString(indent + "- ")
			dumpValue(b, v.Index(i), indent+"  ", spans)
		}
	case reflect.Struct:
		b.WriteString(v.Type().Name())
		if at, ok := v.Interface().(Node); ok && spans {
			fmt.Fprintf(b, " @%d-%d", at.Span().Start.Offset, at.Span().End.Offset)
		}
		var rest []int
		for i := range v.NumField() {
			f := v.Field(i)
			if f.Type() == reflect.TypeFor[At]() || f.Type() == reflect.TypeFor[Span]() || f.IsZero() || !v.Type().Field(i).IsExported() {
				continue
			}
			switch f.Kind() {
			case reflect.String:
				fmt.Fprintf(b, " %s=%q", v.Type().Field(i).Name, f.String())
			case reflect.Bool, reflect.Int, reflect.Float64:
				fmt.Fprintf(b, " %s=%v", v.Type().Field(i).Name, f.Interface())
			default:
				rest = append(rest, i)
			}
		}
		b.WriteString("\n")
		for _, i := range rest {
			f := v.Field(i)
			if f.Kind() == reflect.Slice && f.Type().Elem().Kind() == reflect.String {
				fmt.Fprintf(b, "%s  %s: %q\n", indent, v.Type().Field(i).Name, f.Interface())
				continue
			}
			b.WriteString(indent + "  " + v.Type().Field(i).Name + ": ")
			dumpValue(b, f, indent+"    ", spans)
		}
	default:
		fmt.Fprintf(b, "%v\n", v.Interface())
	}
}
