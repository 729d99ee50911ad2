// Package fidelity shows on a real Elasticsearch node that translated rules find what the Splunk rules find: rules with
// labelled events, real Windows events, every draft of the real rules, pipelines with expected rows, and mutations of
// the compiler that these suites have to notice.
//
// FIDELITY=all runs everything; without it a fixed part runs where the whole would be slow.
package fidelity
