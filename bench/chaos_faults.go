package bench

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/durahook/durahook/api/types"
)

// Part is a part of a system that can be made to fail.
type Part interface {
	// Name is what it is called, such as "Postgres".
	Name() string
	// Kill ends it and all its processes as kill -9 does, and returns when they are gone.
	Kill() error
	// Start starts it again, on the address that it had, and returns when it works.
	Start(ctx context.Context) error
	// Freeze has the system run it no more, until Thaw.
	Freeze() error
	Thaw() error
}

// Link is a connection between two parts that can be cut: what goes over it breaks off, and new connections work.
type Link interface {
	Name() string
	Cut()
}

// Disk is a disk that can be filled.
type Disk interface {
	// Fill leaves no room on it, until Empty. Whatever is on it stays.
	Fill() error
	Empty() error
}

// fault is something that a round does to the system.
type fault struct {
	name  string
	kills int
	do    func(ctx context.Context) error
}

const fillDisk = "fill the disk of Postgres"

// faults are all of them, in the order in which rounds take their turns.
func (c *Chaos) faults(system System, e chaosEndpoint) (all []fault) {
	for _, p := range system.Parts {
		all = append(all, fault{"kill " + p.Name(), 1, func(ctx context.Context) error { return killAll(ctx, p) }})
	}
	api, worker := system.part("api"), system.part("worker")
	for range 3 { // the cheapest to start again, and what holds the most in its memory
		all = append(all, fault{"kill api and worker", 2, func(ctx context.Context) error { return killAll(ctx, api, worker) }})
	}
	all = append(all, fault{"kill everything", len(system.Parts), func(ctx context.Context) error { return killAll(ctx, system.Parts...) }})
	for _, p := range system.Parts {
		all = append(all, fault{"freeze " + p.Name(), 0, func(ctx context.Context) error {
			if err := p.Freeze(); err != nil {
				return err
			}
			return errors.Join(wait(ctx, c.Frozen), p.Thaw())
		}})
	}
	for _, l := range system.Links {
		all = append(all, fault{"cut " + l.Name(), 0, func(context.Context) error {
			l.Cut()
			return nil
		}})
	}
	for _, name := range []string{"Postgres", "Temporal"} {
		all = append(all, fault{"stop " + name, 1, func(ctx context.Context) error { return c.stop(ctx, system.part(name)) }})
	}
	if system.Disk != nil {
		all = append(all, fault{fillDisk, 0, func(ctx context.Context) error {
			if err := system.Disk.Fill(); err != nil {
				return err
			}
			return errors.Join(wait(ctx, c.Down), system.Disk.Empty())
		}})
	}
	return append(all,
		fault{"lose the endpoint's name", 0, func(ctx context.Context) error { return c.loseName(ctx, e) }},
		fault{"set the endpoint's clock wrong", 0, func(ctx context.Context) error {
			e.sink.lying.Store(true)
			defer e.sink.lying.Store(false)
			return wait(ctx, c.Down)
		}})
}

// noDisk is why the disk is not filled.
const noDisk = "a small disk for Postgres is mounted for it, which takes Linux and root"

// chosen are the faults that --only asks for.
func (c *Chaos) chosen(all []fault) (chosen []fault, err error) {
	known := make([]string, len(all))
	for i, f := range all {
		known[i] = f.name
		if len(c.Only) == 0 || slices.Contains(c.Only, f.name) {
			chosen = append(chosen, f)
		}
	}
	for _, name := range c.Only {
		if name == fillDisk && !slices.Contains(known, name) {
			return nil, fmt.Errorf("--only %q: %s", name, noDisk)
		}
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("--only: there is no fault %q; there are %s", name, strings.Join(slices.Compact(known), ", "))
		}
	}
	return chosen, nil
}

// stop kills a part and leaves it down for a while.
func (c *Chaos) stop(ctx context.Context, p Part) error {
	if err := p.Kill(); err != nil {
		return fmt.Errorf("kill %s: %w", p.Name(), err)
	}
	if err := errors.Join(wait(ctx, c.Down), p.Start(ctx)); err != nil {
		return fmt.Errorf("start %s again: %w", p.Name(), err)
	}
	return nil
}

// loseName has the webhook go to a host whose name no resolver knows, as when DNS fails, and then to the endpoint again.
func (c *Chaos) loseName(ctx context.Context, e chaosEndpoint) error {
	const nameless = "https://endpoint.invalid/" // which RFC 6761 keeps free
	if err := e.move(ctx, nameless); err != nil {
		return err
	}
	return errors.Join(wait(ctx, c.Down), e.move(context.WithoutCancel(ctx), e.url))
}

// chaosEndpoint is where everything goes.
type chaosEndpoint struct {
	account        *account
	sink           *sink
	webhookID, url string
}

func (e chaosEndpoint) move(ctx context.Context, url string) error {
	if _, err := answer(e.account.api.UpdateWebhook(ctx, e.webhookID, types.WebhookPatch{URL: &url})); err != nil {
		return fmt.Errorf("change the webhook's URL to %s: %w", url, err)
	}
	return nil
}

// killAll kills parts together and starts them again in their order.
func killAll(ctx context.Context, parts ...Part) error {
	for _, p := range slices.Backward(parts) {
		if err := p.Kill(); err != nil {
			return fmt.Errorf("kill %s: %w", p.Name(), err)
		}
	}
	for _, p := range parts {
		if err := p.Start(ctx); err != nil {
			return fmt.Errorf("start %s again: %w", p.Name(), err)
		}
	}
	return nil
}

func (s System) part(name string) Part {
	for _, p := range s.Parts {
		if p.Name() == name {
			return p
		}
	}
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
