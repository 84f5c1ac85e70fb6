package temporalserver

import (
	"context"
	"errors"
	"fmt"
	"net"

	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/temporal"
	"go.uber.org/fx"
)

// core is the Temporal server without its Web UI.
type core struct {
	services *services
	impl     *temporal.ServerImpl
	server   *temporal.ServerFx
	started  bool
}

// startCore starts the services. They may still be finding their feet when it returns, see awaitReady.
// What it returns must be stopped, also with an error.
//
// Temporal takes no context while it starts, so the end of ctx counts only afterwards.
func startCore(ctx context.Context, p *plan) (*core, error) {
	for _, addr := range []*net.TCPAddr{p.frontend, p.history, p.matching, p.worker} {
		p.release(addr)
	}
	c := &core{services: newServices()}
	// Where Temporal cannot go on it logs a fatal message, and our logger then ends the goroutine,
	// which some code in between turns into a panic. So it starts in a goroutine of its own, and the
	// outcome is what that had to say at last.
	outcome := make(chan error, 1)
	go func() {
		err := errors.New("it gave up")
		defer func() {
			if r := recover(); r != nil {
				err = fmt.Errorf("it panicked: %v", r)
			}
			outcome <- err
		}()
		err = c.start(p)
	}()
	err := <-outcome
	if failure := p.logger.failure(); failure != nil {
		err = failure
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return c, fmt.Errorf("start Temporal: %w", err)
	}
	return c, nil
}

func (c *core) start(p *plan) (err error) {
	c.server, err = temporal.NewServerFx(
		fx.Options(c.services.module(), fx.Populate(&c.impl)),
		temporal.WithConfig(p.config()),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(p.hosts()),
		temporal.WithPersistenceFactoryProvider(newPersistence),
		temporal.WithDynamicConfigClient(p.dynamicConfig()),
		temporal.WithLogger(p.logger),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
	)
	if err != nil {
		return err
	}
	err = c.server.Start()
	c.started = err == nil
	return err
}

// stop ends the services, also when only some of them were started.
func (c *core) stop() error {
	switch {
	case c == nil:
		return nil
	case c.started:
		if err := c.server.Stop(); err != nil {
			return fmt.Errorf("stop Temporal: %w", err)
		}
	case c.impl != nil:
		// The server does not stop the services of a start that failed halfway.
		ctx := context.Background() //nolint:forbidigo // it has to be stopped whatever became of the start
		if err := c.impl.Stop(ctx); err != nil {
			return fmt.Errorf("stop Temporal: %w", err)
		}
	}
	return nil
}
