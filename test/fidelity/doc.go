// Package fidelity shows on a real Elasticsearch node that translated rules find what the Splunk rules find:
//
//   - TestLabelledEvents: rules with events of which each is known to match or not, with the rule's own field types;
//   - TestRealEvents: real Windows events as Elastic's integration writes them, which the rules for them must find;
//   - TestCorpusRuns and TestCorpusFigures: every draft of the real rules runs over indices made from the catalogue of
//     Elastic's fields, which know nothing of the compiler's schema; what becomes of the rules, why some are not full, and
//     that every token of the SPL is answered for;
//   - TestPipelines: testdata/pipelines, whole pipelines with the rows that Splunk gives, reasoned by hand;
//   - TestRandomConditions: drawn conditions of both grammars against an evaluation that shares nothing with the compiler;
//   - TestModelsFireOnEveryStream: rules over data models of networks alert on an event of each stream that they read;
//   - TestMutations: the compiler broken in one place after the other; the goldens or the pipelines must notice.
//
// FIDELITY=all runs everything; without it a fixed part runs where the whole would be slow. `make fidelity` and
// `make mutations` print the figures.
//
// A case of a pipeline is full unless it says otherwise: `approx` names the approximation it may carry, with which the
// rows still have to be the expected ones; `differs` one that says itself that these rows differ; `hole` an error that
// stands for the rows as long as the command has no lowering. The expected rows are Splunk's in every case, so that they
// count from the day a lowering arrives.
package fidelity
