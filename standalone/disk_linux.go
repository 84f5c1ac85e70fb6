package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// disk is a file system in memory that can be filled. It is a [bench.Disk].
type disk struct {
	path string
}

// mountDisk makes a directory and mounts a disk there; unmount must be called in the end. It fails with
// [os.ErrPermission] where that is not allowed.
func mountDisk(path string) (*disk, error) {
	if err := os.Mkdir(path, 0o755); err != nil { //nolint:gosec // Postgres may run as another user and has to get through
		return nil, fmt.Errorf("make a directory for the disk of Postgres: %w", err)
	}
	d := &disk{path: path}
	if err := d.mount(0, "mode=0755,size="+roomy); err != nil {
		return nil, err
	}
	return d, nil
}

// roomy is the size of a disk that is not full: it takes only the memory that is used.
const roomy = "50%"

func (d *disk) mount(flags uintptr, options string) error {
	if err := syscall.Mount("tmpfs", d.path, "tmpfs", flags, options); err != nil {
		return fmt.Errorf("mount a disk for Postgres (%s): %w", options, err)
	}
	return nil
}

// Fill makes the disk as small as what is on it.
func (d *disk) Fill() error {
	const tries = 100
	for try := 0; ; try++ {
		var is syscall.Statfs_t
		if err := syscall.Statfs(d.path, &is); err != nil {
			return fmt.Errorf("look at the disk of Postgres: %w", err)
		}
		used := (is.Blocks - is.Bfree) * uint64(is.Bsize) //nolint:gosec // no system has negative ones
		err := d.mount(syscall.MS_REMOUNT, fmt.Sprintf("size=%d", used))
		if !errors.Is(err, syscall.EINVAL) || try == tries { // that is, unless something was written meanwhile
			return err
		}
	}
}

// Empty gives the disk room again.
func (d *disk) Empty() error { return d.mount(syscall.MS_REMOUNT, "size="+roomy) }

// unmount takes the disk away, with all that is on it.
func (d *disk) unmount() error {
	if err := syscall.Unmount(d.path, syscall.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount the disk of Postgres: %w", err)
	}
	return nil
}
