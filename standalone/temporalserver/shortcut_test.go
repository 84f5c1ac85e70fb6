package temporalserver

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/api/historyservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// starter answers what the request ID asks for.
type starter struct {
	workflowservice.UnimplementedWorkflowServiceServer
	kept *workflowservice.StartWorkflowExecutionRequest
	hung chan struct{} // closed when what hangs is to go on
}

type valueKey struct{}

func (s *starter) StartWorkflowExecution(
	ctx context.Context, request *workflowservice.StartWorkflowExecutionRequest,
) (*workflowservice.StartWorkflowExecutionResponse, error) {
	headers, _ := metadata.FromIncomingContext(ctx)
	if outgoing, ok := metadata.FromOutgoingContext(ctx); ok || ctx.Value(valueKey{}) != nil {
		return nil, status.Errorf(codes.Internal, "the caller's context got through: %v", outgoing)
	}
	method, _ := grpc.Method(ctx)
	if err := grpc.SetHeader(ctx, metadata.Pairs("method", method)); err != nil {
		return nil, err
	}
	if err := grpc.SetTrailer(ctx, metadata.Pairs("counted", "1")); err != nil {
		return nil, err
	}
	switch request.GetRequestId() {
	case "started already":
		return nil, serviceerror.ToStatus(serviceerror.NewWorkflowExecutionAlreadyStarted("it runs", "start", "run")).Err()
	case "plain":
		return nil, context.DeadlineExceeded
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	case "hang":
		<-s.hung
	case "r":
		s.kept = request
	case "panic":
		panic("the handler was not to be called")
	}
	request.RequestId = "changed by the handler"
	return &workflowservice.StartWorkflowExecutionResponse{RunId: headers.Get("caller-name")[0]}, nil
}

// shortAndLong are two clients of a server, by way of a shortcut and of the network.
func shortAndLong(t *testing.T, service *starter) (s *shortcut, clients map[string]workflowservice.WorkflowServiceClient) {
	t.Helper()
	s = newShortcut()
	server := grpc.NewServer(s.serverOption(), grpc.ChainUnaryInterceptor(
		func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			if request.(*workflowservice.StartWorkflowExecutionRequest).GetIdentity() == "nobody" {
				return nil, status.Error(codes.PermissionDenied, "by an interceptor")
			}
			return handler(ctx, request)
		}))
	workflowservice.RegisterWorkflowServiceServer(server, service)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = server.Serve(listener) }() // it ends with the test
	t.Cleanup(server.Stop)
	clients = make(map[string]workflowservice.WorkflowServiceClient)
	for name, options := range map[string][]grpc.DialOption{"network": nil, "shortcut": {s.dialOption()}} {
		connection, err := grpc.NewClient(listener.Addr().String(),
			append(options, grpc.WithTransportCredentials(insecure.NewCredentials()))...)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, connection.Close()) })
		clients[name] = workflowservice.NewWorkflowServiceClient(connection)
	}
	return s, clients
}

// A call looks the same to both sides whether it goes over the network or not.
func TestShortcutIsLikeTheNetwork(t *testing.T) {
	t.Parallel()
	service := &starter{hung: make(chan struct{})}
	s, clients := shortAndLong(t, service)
	outgoing := metadata.NewOutgoingContext(context.WithValue(within(t), valueKey{}, 1), metadata.Pairs("Caller-Name", "us"))
	_, err := clients["network"].StartWorkflowExecution(outgoing, &workflowservice.StartWorkflowExecutionRequest{})
	require.NoError(t, err)
	for name, client := range clients {
		before := s.taken.Load()
		request := &workflowservice.StartWorkflowExecutionRequest{RequestId: "r", WorkflowType: &commonpb.WorkflowType{Name: "w"}}
		var header, trailer metadata.MD
		answer, err := client.StartWorkflowExecution(outgoing, request, grpc.Header(&header), grpc.Trailer(&trailer))
		require.NoError(t, err, name)
		require.Equal(t, "us", answer.GetRunId(), name)
		require.Equal(t, []string{"/temporal.api.workflowservice.v1.WorkflowService/StartWorkflowExecution"}, header.Get("method"), name)
		require.Equal(t, []string{"1"}, trailer.Get("counted"), name)
		require.Equal(t, "r", request.GetRequestId(), name)
		request.WorkflowType.Name = "changed by the caller"
		require.Equal(t, "w", service.kept.GetWorkflowType().GetName(), name)
		require.Equal(t, name == "shortcut", s.taken.Load() == before+1, name)

		_, err = client.StartWorkflowExecution(outgoing, &workflowservice.StartWorkflowExecutionRequest{RequestId: "started already"})
		var started *serviceerror.WorkflowExecutionAlreadyStarted
		require.ErrorAs(t, serviceerror.FromStatus(status.Convert(err)), &started, name)
		require.Equal(t, "run", started.RunId, name)
		_, err = client.StartWorkflowExecution(outgoing, &workflowservice.StartWorkflowExecutionRequest{RequestId: "plain"})
		require.Equal(t, codes.DeadlineExceeded, status.Code(err), name)
		_, err = client.StartWorkflowExecution(outgoing, &workflowservice.StartWorkflowExecutionRequest{RequestId: "panic", Identity: "nobody"})
		require.Equal(t, "rpc error: code = PermissionDenied desc = by an interceptor", err.Error(), name)

		ctx, cancel := context.WithCancel(outgoing)
		waiting := make(chan error)
		go func() {
			_, err := client.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{RequestId: "wait"})
			waiting <- err
		}()
		cancel()
		require.Equal(t, codes.Canceled, status.Code(<-waiting), name)
		late, cancelLate := context.WithTimeout(outgoing, 10*time.Millisecond)
		_, err = client.StartWorkflowExecution(late, &workflowservice.StartWorkflowExecutionRequest{RequestId: "hang"})
		cancelLate()
		require.Equal(t, codes.DeadlineExceeded, status.Code(err), name)
		_, err = client.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{RequestId: "panic"})
		require.Equal(t, codes.Canceled, status.Code(err), name)
	}
	close(service.hung)
	s.end()
	before := s.taken.Load()
	_, err = clients["shortcut"].StartWorkflowExecution(outgoing, &workflowservice.StartWorkflowExecutionRequest{})
	require.NoError(t, err)
	require.Equal(t, before, s.taken.Load(), "after its end, calls go over the network")
}

// Temporal's services answer some calls with a type that only looks the same when it is sent.
func TestAnswerOfAnotherType(t *testing.T) {
	t.Parallel()
	sent := &historyservice.RecordWorkflowTaskStartedResponseWithRawHistory{StartedEventId: 3, Attempt: 2, Queries: nil}
	received := new(historyservice.RecordWorkflowTaskStartedResponse)
	require.NoError(t, copyInto(received, sent))
	require.True(t, proto.Equal(&historyservice.RecordWorkflowTaskStartedResponse{StartedEventId: 3, Attempt: 2}, received))
	require.Error(t, copyInto(received, (*historyservice.RecordWorkflowTaskStartedResponse)(nil)))
}
