//go:build !linux

package main

import "errors"

// disk would be a file system that can be filled, which is there on Linux only.
type disk struct{}

func mountDisk(string) (*disk, error) { return nil, errors.ErrUnsupported }

// Fill is not supported.
func (*disk) Fill() error { return errors.ErrUnsupported }

// Empty is not supported.
func (*disk) Empty() error { return errors.ErrUnsupported }

func (*disk) unmount() error { return nil }
