package spl

import "reflect"

var nodeType = reflect.TypeFor[Node]()

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
		if v.IsNil() || !v.Type().Implements(nodeType) {
			return
		}
		if f(v.Interface().(Node)) {
			walkFields(v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			walk(v.Index(i), f)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[At]() || !v.CanAddr() {
			return
		}
		if v.Addr().Type().Implements(nodeType) {
			walk(v.Addr(), f)
			return
		}
		walkFields(v, f)
	}
}

func walkFields(v reflect.Value, f func(Node) bool) {
	for i := range v.NumField() {
		if v.Type().Field(i).Type != reflect.TypeFor[At]() {
			walk(v.Field(i), f)
		}
	}
}
