package temporalserver

import (
	"context"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/durahook/durahook/internal/stack"
)

// The services of a Temporal server call each other through gRPC, here on the loopback interface. A shortcut
// leaves the network out where caller and service are in this process: what takes the call is the same chain
// of interceptors and the same handler, and what makes it the same chain of the client, so that limits, checks,
// headers, retries and the form of errors stay what they are. Requests and answers are copied, as if they had
// been sent.

// shortCalls are the calls that a delivery makes. They are answered at once: what may wait, such as a poll, goes
// over the network, where it can be cut off.
func shortCalls() []string {
	const (
		frontend = "/temporal.api.workflowservice.v1.WorkflowService/"
		history  = "/temporal.server.api.historyservice.v1.HistoryService/"
		matching = "/temporal.server.api.matchingservice.v1.MatchingService/"
	)
	return []string{
		frontend + "StartWorkflowExecution",
		frontend + "RespondWorkflowTaskCompleted",
		frontend + "RespondActivityTaskCompleted",
		frontend + "SignalWorkflowExecution",
		frontend + "SignalWithStartWorkflowExecution",
		frontend + "DescribeWorkflowExecution",
		history + "StartWorkflowExecution",
		history + "RecordWorkflowTaskStarted",
		history + "RespondWorkflowTaskCompleted",
		history + "RecordActivityTaskStarted",
		history + "RespondActivityTaskCompleted",
		history + "SignalWorkflowExecution",
		history + "SignalWithStartWorkflowExecution",
		history + "DescribeWorkflowExecution",
		matching + "AddWorkflowTask",
		matching + "AddActivityTask",
	}
}

// shortcut leads to a service. It learns how a method is handled when it is called for the first time, over the
// network, and ends when the service is about to stop.
type shortcut struct {
	mu       sync.RWMutex
	handlers map[string]grpc.UnaryHandler // of all short calls, by method: all interceptors and the service itself; nil before the first
	ended    bool
	underWay sync.WaitGroup

	taken atomic.Int64 // calls, for tests
}

func newShortcut() *shortcut {
	s := &shortcut{handlers: make(map[string]grpc.UnaryHandler)}
	for _, method := range shortCalls() {
		s.handlers[method] = nil
	}
	return s
}

// serverOption lets the shortcut learn. It must be the server's outermost interceptor.
func (s *shortcut) serverOption() grpc.ServerOption { return grpc.UnaryInterceptor(s.learn) }

// dialOption has calls take the shortcut. It must be the client's innermost interceptor.
func (s *shortcut) dialOption() grpc.DialOption { return grpc.WithChainUnaryInterceptor(s.take) }

func (s *shortcut) learn(ctx context.Context, request any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	s.mu.RLock()
	known, short := s.handlers[info.FullMethod]
	s.mu.RUnlock()
	if short && known == nil {
		s.mu.Lock()
		s.handlers[info.FullMethod] = handler // it serves any request: Temporal's own interceptors call it again to retry
		s.mu.Unlock()
	}
	stack.Grow[stack.Much]()
	return handler(ctx, request)
}

// take makes a call without the network if it can.
func (s *shortcut) take(
	ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption,
) error {
	in, inOK := request.(proto.Message)
	out, outOK := reply.(proto.Message)
	if !inOK || !outOK || !understood(options) || ctx.Err() != nil {
		return invoke(ctx, method, request, reply, connection, options...)
	}
	handler := s.enter(method)
	if handler == nil {
		return invoke(ctx, method, request, reply, connection, options...)
	}
	s.taken.Add(1)
	return call(ctx, s.counted(handler), method, in, out, options)
}

// counted is a handler that is under way until it returns, however long its caller waits.
func (s *shortcut) counted(handler grpc.UnaryHandler) grpc.UnaryHandler {
	return func(ctx context.Context, request any) (any, error) {
		defer s.underWay.Done()
		return handler(ctx, request)
	}
}

// enter returns what handles a method, or nil when the call has to go over the network. Else underWay.Done must be
// called in the end.
func (s *shortcut) enter(method string) grpc.UnaryHandler {
	s.mu.RLock()
	defer s.mu.RUnlock()
	handler := s.handlers[method]
	if handler == nil || s.ended {
		return nil
	}
	s.underWay.Add(1)
	return handler
}

// end sends further calls over the network, and waits a while for those under way.
func (s *shortcut) end() {
	const patience = 2 * time.Second
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.underWay.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(patience):
	}
}

// understood reports whether a call without the network can do what the options say.
func understood(options []grpc.CallOption) bool {
	for _, option := range options {
		switch option.(type) {
		case grpc.TrailerCallOption, grpc.HeaderCallOption: // see call
		case grpc.StaticMethodCallOption, grpc.FailFastCallOption: // of the network
		case grpc.MaxRecvMsgSizeCallOption: // far above what these calls return
		case grpc.EmptyCallOption:
		default:
			return false
		}
	}
	return true
}

// call has a request handled as a gRPC server would, and returns what a gRPC client would.
func call(ctx context.Context, handler grpc.UnaryHandler, method string, in, out proto.Message, options []grpc.CallOption) error {
	stream := &stream{method: method}
	served, cancel := context.WithCancel(bare{ctx})
	headers, _ := metadata.FromOutgoingContext(ctx)
	served = metadata.NewIncomingContext(grpc.NewContextWithServerTransportStream(served, stream), headers)
	sent := proto.Clone(in)
	answer, err := inTime(ctx, func() (any, error) {
		defer cancel() // as the context of a gRPC server's handler ends with it
		return handler(served, sent)
	})
	for _, option := range options {
		switch option := option.(type) {
		case grpc.HeaderCallOption:
			*option.HeaderAddr = stream.headers()
		case grpc.TrailerCallOption:
			*option.TrailerAddr = stream.trailers()
		}
	}
	if ctxErr := ctx.Err(); ctxErr != nil {
		return status.FromContextError(ctxErr).Err()
	}
	if err != nil {
		if st, ok := status.FromError(err); ok {
			return st.Err()
		}
		return status.FromContextError(err).Err()
	}
	return copyInto(out, answer)
}

// inTime returns what a handler returns, or that the caller's time is up, whatever the handler is at: over the network nobody
// waits for one that hangs.
func inTime(ctx context.Context, handle func() (any, error)) (any, error) {
	type result struct {
		answer any
		err    error
	}
	done := make(chan result, 1)
	go func() {
		stack.Grow[stack.Much]()
		answer, err := handle()
		done <- result{answer, err}
	}()
	select {
	case r := <-done:
		return r.answer, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// copyInto copies an answer. Some of Temporal's services answer with another type than the client has, which looks
// the same when it is sent.
func copyInto(out proto.Message, answer any) error {
	message, ok := answer.(proto.Message)
	switch {
	case !ok || reflect.ValueOf(message).IsNil():
		return status.Errorf(codes.Internal, "a service answered with %T", answer)
	case message.ProtoReflect().Descriptor() == out.ProtoReflect().Descriptor():
		proto.Merge(out, message)
		return nil
	}
	sent, err := proto.Marshal(message)
	if err != nil {
		return status.Errorf(codes.Internal, "encode an answer: %v", err)
	}
	if err := proto.Unmarshal(sent, out); err != nil {
		return status.Errorf(codes.Internal, "decode an answer: %v", err)
	}
	return nil
}

// bare is a context that ends when another does and knows nothing else of it: values don't cross a network.
type bare struct{ context.Context }

// Value returns nothing.
func (bare) Value(any) any { return nil }

// AfterFunc spares package context a goroutine for each context that is made of this one.
func (b bare) AfterFunc(f func()) (stop func() bool) { return context.AfterFunc(b.Context, f) }

// stream collects what a handler sends beside its answer.
type stream struct {
	method string

	mu              sync.Mutex
	header, trailer metadata.MD
}

// Method returns the full name of the method that is called.
func (s *stream) Method() string { return s.method }

// SetHeader adds to what is sent before the answer.
func (s *stream) SetHeader(md metadata.MD) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.header = metadata.Join(s.header, md)
	return nil
}

// SendHeader is SetHeader: nothing is sent before the answer is there.
func (s *stream) SendHeader(md metadata.MD) error { return s.SetHeader(md) }

// SetTrailer adds to what is sent after the answer.
func (s *stream) SetTrailer(md metadata.MD) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trailer = metadata.Join(s.trailer, md)
	return nil
}

func (s *stream) headers() metadata.MD {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.header
}

func (s *stream) trailers() metadata.MD {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.trailer
}
