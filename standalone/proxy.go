package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// proxy hands on what comes in to a target, until it is cut. It is a [bench.Link]. A library would do more, none of
// which is needed here.
type proxy struct {
	name     string
	listener net.Listener
	target   string

	mu   sync.Mutex
	open map[net.Conn]struct{}
}

// newProxy returns a proxy on an address of its own; close must be called in the end.
func newProxy(ctx context.Context, name, target string) (*proxy, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for %s: %w", name, err)
	}
	p := &proxy{name: name, listener: listener, target: target, open: make(map[net.Conn]struct{})}
	go p.accept(context.WithoutCancel(ctx))
	return p, nil
}

// Name says which parts it is between.
func (p *proxy) Name() string { return p.name }

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept(ctx context.Context) {
	for {
		from, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			go p.connect(ctx, from)
		}
	}
}

// connect hands on both ways until one end is closed. A target that is down closes the connection at once.
func (p *proxy) connect(ctx context.Context, from net.Conn) {
	defer from.Close() //nolint:errcheck // it may be cut already
	to, err := new(net.Dialer).DialContext(ctx, "tcp", p.target)
	if err != nil {
		return
	}
	defer to.Close() //nolint:errcheck // it may be cut already
	p.mu.Lock()
	p.open[from] = struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.open, from)
		p.mu.Unlock()
	}()
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			_, _ = io.Copy(way[0], way[1]) // how it ends is not ours to tell
			done <- struct{}{}
		}()
	}
	<-done
}

// Cut breaks all connections off, in the middle of whatever goes over them.
func (p *proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for from := range p.open {
		if tcp, ok := from.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, as when the network fails
		}
		_ = from.Close() // it may have ended at this moment
	}
}

func (p *proxy) close() error {
	err := p.listener.Close()
	p.Cut()
	return err
}
