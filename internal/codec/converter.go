package codec

import (
	"context"
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// DataConverter encrypts and decrypts for clients, workers and replays.
//
// Within workflow code a payload that cannot be decrypted panics. The SDK would otherwise fail the workflow for good, or
// drop the signal; after a panic it fails the workflow task alone, which the server repeats until a worker has the key.
func (c *Codec) DataConverter() converter.DataConverter {
	return &dataConverter{DataConverter: converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), c)}
}

// FailureConverter encrypts messages and stack traces of failures as well, when payloads are encrypted.
func (c *Codec) FailureConverter() converter.FailureConverter {
	return temporal.NewDefaultFailureConverter(temporal.DefaultFailureConverterOptions{
		DataConverter: c.DataConverter(), EncodeCommonAttributes: c.Encrypts(),
	})
}

type dataConverter struct {
	converter.DataConverter
	inWorkflow bool
}

var _ workflow.ContextAware = (*dataConverter)(nil)

// WithWorkflowContext implements workflow.ContextAware.
func (d *dataConverter) WithWorkflowContext(workflow.Context) converter.DataConverter {
	return &dataConverter{d.DataConverter, true}
}

// WithContext implements workflow.ContextAware.
func (d *dataConverter) WithContext(context.Context) converter.DataConverter { return d }

// FromPayload implements converter.DataConverter.
func (d *dataConverter) FromPayload(p *commonpb.Payload, to any) error {
	return d.check(d.DataConverter.FromPayload(p, to))
}

// FromPayloads implements converter.DataConverter.
func (d *dataConverter) FromPayloads(ps *commonpb.Payloads, to ...any) error {
	return d.check(d.DataConverter.FromPayloads(ps, to...))
}

func (d *dataConverter) check(err error) error {
	var unknown *UnknownKeyError
	if err != nil && d.inWorkflow && (errors.As(err, &unknown) || errors.Is(err, ErrDamaged)) {
		panic(err)
	}
	return err
}
