package schema

import (
	_ "embed"
	"strings"
	"sync"

	"github.com/rulebridge/rulebridge/internal/schema/pipeline"
)

//go:generate go run ./gen/proofs -in ../../../shared/data -out data/proofs.txt

// proofsText lists for each stream the fields that something shows to be in its documents.
//
//go:embed data/proofs.txt
var proofsText string

// samplesText lists the fields of sample events that were read, by stream.
//
//go:embed data/samples.txt
var samplesText string

// Proof says what shows that a mapped field is in the documents of its stream.
type Proof struct {
	Kind ProofKind
	// Stream is where it was shown; Detail is the identifier of a prebuilt rule, or where a pipeline was read.
	Stream, Detail string
}

// ProofKind is the kind of evidence, the best last.
type ProofKind int

const (
	// Unproven fields are in a field list only: no document, rule or pipeline that was read shows them.
	Unproven ProofKind = iota
	// ByList means that a step of a pipeline of 2022-12 writes the field.
	ByList
	// ByFields means that the field list of Elastic Defend's events has the field.
	ByFields
	// ByRule means that a prebuilt rule of Elastic's reads the field on the stream.
	ByRule
	// BySample means that a sample event of the integration has the field.
	BySample
	// ByPipeline means that the pipeline was read, and writes the field.
	ByPipeline
	// ByDocument means that a document that a pipeline's own test expects has the field.
	ByDocument
	// ByPerson means that the schema overrides say so.
	ByPerson
)

// String names the evidence for a person.
func (p Proof) String() string {
	switch p.Kind {
	case ByPerson:
		return "the schema overrides"
	case ByDocument:
		return "a document of " + p.Stream
	case ByPipeline:
		return "the pipeline of " + p.Stream + " (" + p.Detail + ")"
	case BySample:
		return "a sample event of " + p.Stream
	case ByRule:
		return "Elastic's rule " + p.Detail + ", which reads the field on " + p.Stream
	case ByFields:
		return "the field list of Elastic Defend's events"
	case ByList:
		return "the list of the pipeline's steps of 2022-12, for " + p.Stream
	}
	return "none: no document, rule or pipeline that was read has the field"
}

// proofs are the parsed lines of proofsText, by stream and field.
var proofs = sync.OnceValue(func() map[string]map[string]Proof {
	out := map[string]map[string]Proof{}
	kinds := map[string]ProofKind{"d": ByDocument, "r": ByRule, "e": ByFields, "p": ByList}
	stream := ""
	for line := range strings.Lines(proofsText) {
		line = strings.TrimRight(line, "\n")
		body, ok := strings.CutPrefix(line, "\t")
		if !ok {
			stream = line
			continue
		}
		kind, rest, _ := strings.Cut(body, "\t")
		id, fields, _ := strings.Cut(rest, "\t")
		if out[stream] == nil {
			out[stream] = map[string]Proof{}
		}
		for _, f := range strings.Fields(fields) {
			out[stream][f] = Proof{kinds[kind], stream, id}
		}
	}
	for line := range strings.Lines(samplesText) {
		body, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "\t")
		switch {
		case strings.HasPrefix(line, "#"):
		case !ok:
			stream = body
		default:
			if out[stream] == nil {
				out[stream] = map[string]Proof{}
			}
			for _, f := range strings.Fields(body) {
				if out[stream][f].Kind < BySample {
					out[stream][f] = Proof{BySample, stream, ""}
				}
			}
		}
	}
	// a pipeline that was read says more than any list
	for name, s := range pipeline.Streams() {
		if out[name] == nil {
			out[name] = map[string]Proof{}
		}
		for _, o := range s.Operations {
			if o.Target != "" && out[name][o.Target].Kind < ByPipeline {
				out[name][o.Target] = Proof{ByPipeline, name, s.Version}
			}
		}
	}
	return out
})

// collected are the fields that the agent or the stream itself adds to every document, whatever the pipeline does.
var collected = map[string]bool{
	"@timestamp": true, "host.name": true, "event.dataset": true, "event.module": true, "event.ingested": true, "message": true,
	"data_stream.dataset": true, "event.original": true, "event.code": true, "event.provider": true, "event.kind": true,
	"event.category": true, "event.type": true, "winlog.channel": true,
	"winlog.task": true, "winlog.opcode": true, "winlog.keywords": true, "log.level": true, "winlog.event_id": true,
	"winlog.user.identifier": true, "winlog.process.pid": true, "winlog.process.thread.id": true, "winlog.activity_id": true,
	"winlog.computer_name": true, "winlog.provider_name": true, "winlog.record_id": true, "host.os.type": true, "host.hostname": true,
}

// ProofOf says what shows that documents of the source have a field: the best evidence of any of its streams.
func (s *Source) ProofOf(field string) Proof {
	best := Proof{}
	for _, st := range s.Streams {
		if p := proofs()[st][field]; p.Kind > best.Kind {
			best = p
		}
		if f := pipeline.Streams()[st]; f != nil && f.Under != "" && strings.HasPrefix(field, f.Under) && best.Kind < ByPipeline {
			best = Proof{ByPipeline, st, f.Version} // raw fields stand there that nothing takes away
		}
	}
	if best.Kind == Unproven && collected[field] {
		return Proof{ByPipeline, strings.Join(s.Streams, ", "), "every document has it"}
	}
	return best
}

// prove says of a resolved field what shows it; of several places, the weakest evidence.
func (s *Source) prove(f *Field) {
	if f.Support == None || f.Name == "" || f.Proof.Kind == ByPerson || s.schema.identity {
		return
	}
	if f.Dynamic {
		f.Proof = s.shown(f.Name) // that a pipeline leaves such names alone says nothing of this one
		return
	}
	f.Proof = s.ProofOf(f.Name)
}
