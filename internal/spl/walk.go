package spl

import (
	"reflect"
	"sync"
)

// Walk calls f for every node below n and n itself, parents first, in the order of the fields; where f answers false
// the children are left out.
func Walk(n Node, f func(Node) bool) {
	if n == nil || reflect.ValueOf(n).IsNil() {
		return
	}
	walk(reflect.ValueOf(n), f)
}

func walk(v reflect.Value, f func(Node) bool) {
	switch v.Kind() {
	case reflect.Interface:
		if !v.IsNil() {
			walk(v.Elem(), f)
		}
	case reflect.Pointer:
		if v.IsNil() || v.Elem().Kind() != reflect.Struct {
			return
		}
		if s := shapeOf(v.Elem().Type()); s.node && f(v.Interface().(Node)) {
			s.walkFields(v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), f)
		}
	case reflect.Struct:
		if !v.CanAddr() {
			return
		}
		if s := shapeOf(v.Type()); !s.node {
			s.walkFields(v, f)
		} else if f(v.Addr().Interface().(Node)) {
			s.walkFields(v, f)
		}
	}
}

// shape is what Walk has to know of a struct type.
type shape struct {
	node   bool
	fields []int // that can hold nodes
}

func (s *shape) walkFields(v reflect.Value, f func(Node) bool) {
	for _, i := range s.fields {
		walk(v.Field(i), f)
	}
}

var (
	nodeType = reflect.TypeFor[Node]()
	shapes   sync.Map // of struct types, as they are met
)

func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{node: reflect.PointerTo(t).Implements(nodeType)}
	for i := range t.NumField() {
		switch f := t.Field(i).Type; f.Kind() {
		case reflect.Slice:
			switch f.Elem().Kind() {
			case reflect.Interface, reflect.Pointer, reflect.Struct, reflect.Slice:
				s.fields = append(s.fields, i)
			}
		case reflect.Interface, reflect.Pointer, reflect.Struct:
			if f != reflect.TypeFor[At]() {
				s.fields = append(s.fields, i)
			}
		}
	}
	shapes.Store(t, s)
	return s
}
