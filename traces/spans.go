package traces

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/durahook/durahook/webhook"
)

// Span is something that was begun and has to be ended. The zero value is one that nobody wants to know of.
type Span struct{ span trace.Span }

// End ends it. It failed if err is not nil; only the kind of the error is told, since its text may hold anything.
func (s Span) End(err error) {
	if s.span == nil {
		return
	}
	if err != nil {
		code := webhook.CodeInternal
		if domain := (*webhook.Error)(nil); errors.As(err, &domain) {
			code = domain.Code
		}
		s.span.SetAttributes(attribute.String("error.type", string(code)))
		s.span.SetStatus(codes.Error, string(code))
	}
	s.span.End()
}

func (t *Traces) begin(ctx context.Context, name string, kind trace.SpanKind, attributes ...attribute.KeyValue) (context.Context, Span) {
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(kind), trace.WithAttributes(attributes...))
	return ctx, Span{span}
}

// Publish begins the publication of events of an account. What becomes of them belongs to the trace in the returned
// context.
func (t *Traces) Publish(ctx context.Context, accountID string) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	return t.begin(ctx, "publish", trace.SpanKindServer, attribute.String("durahook.account", accountID))
}

// Published says what a publication came to.
func (s Span) Published(events, deliveries int) {
	if s.span != nil {
		s.span.SetAttributes(attribute.Int("durahook.events", events), attribute.Int("durahook.deliveries", deliveries))
	}
}

// Start begins the start of a delivery's workflow.
func (t *Traces) Start(ctx context.Context, d webhook.Delivery) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	return t.begin(within(ctx, d.Traceparent), "start delivery", trace.SpanKindProducer, identify(d)...)
}

// Attempt begins an attempt of a delivery: the POST, and the recording of how it ended. Without spans, the returned
// context has the publisher's trace all the same.
func (t *Traces) Attempt(ctx context.Context, d webhook.Delivery) (context.Context, Span) {
	ctx = within(ctx, d.Traceparent)
	if t == nil {
		return ctx, Span{}
	}
	return t.begin(ctx, "attempt", trace.SpanKindConsumer, append(identify(d), attribute.Int("durahook.attempt", d.AttemptCount+1))...)
}

// Post begins the POST of an attempt.
func (t *Traces) Post(ctx context.Context) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	return t.begin(ctx, "POST", trace.SpanKindClient, attribute.String("http.request.method", "POST"))
}

// Posted says how a POST ended; the status code is 0 without an answer.
func (s Span) Posted(outcome webhook.Outcome, statusCode int) {
	if s.span == nil {
		return
	}
	s.span.SetAttributes(attribute.String("durahook.outcome", string(outcome)))
	if statusCode != 0 {
		s.span.SetAttributes(attribute.Int("http.response.status_code", statusCode))
	}
	if outcome != webhook.OutcomeSuccess {
		s.span.SetAttributes(attribute.String("error.type", string(outcome)))
		s.span.SetStatus(codes.Error, string(outcome))
	}
}

// Record begins the recording of an attempt.
func (t *Traces) Record(ctx context.Context) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	return t.begin(ctx, "record attempt", trace.SpanKindInternal)
}

func identify(d webhook.Delivery) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("durahook.account", d.AccountID), attribute.String("durahook.webhook", d.WebhookID),
		attribute.String("durahook.event_id", d.EventID), attribute.String("durahook.event", d.Event),
		attribute.String("durahook.delivery", d.ID),
	}
}
