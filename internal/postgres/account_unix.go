//go:build unix

package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that Postgres runs as, since it refuses to run as root. A nil account means
// our own user; all methods work on it.
type account struct {
	name     string
	uid, gid uint32
}

// accountFor returns nil unless this process is root. Data that are there already stay with their
// owner; new ones go to the user postgres or, where there is none, nobody.
func accountFor(f files) (*account, error) {
	info, err := os.Stat(f.data)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("look for the Postgres data: %w", err)
	}
	var owner *syscall.Stat_t
	if err == nil {
		owner, _ = info.Sys().(*syscall.Stat_t)
	}
	if uid := os.Geteuid(); uid != 0 {
		if owner != nil && int(owner.Uid) != uid {
			return nil, fmt.Errorf("the Postgres data in %s belong to user %s, perhaps because they were made by root; "+
				"run as root again, or: chown -R %d %s", f.data, userName(owner.Uid), uid, f.root)
		}
		return nil, nil
	}
	if owner != nil && owner.Uid != 0 {
		return &account{name: userName(owner.Uid), uid: owner.Uid, gid: owner.Gid}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue // no such user
		}
		uid, uidErr := strconv.ParseUint(u.Uid, 10, 32)
		gid, gidErr := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(uidErr, gidErr); err != nil {
			return nil, fmt.Errorf("read the IDs of the user %s: %w", name, err)
		}
		return &account{name: name, uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return nil, errors.New("the Postgres server refuses to run as root, and this machine has neither a user postgres " +
		"nor a user nobody; run as another user, or: useradd --system postgres")
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

// apply makes cmd run as the account, without any further groups of ours.
func (a *account) apply(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if a != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
}

// own gives dir and what is in it to the account. What belongs to it already is left alone: once the
// account may write there, root should not go through it changing owners.
func (a *account) own(dir string) error {
	if a == nil {
		return nil
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("give %s to %s: %w", dir, a.name, err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid == a.uid {
		return nil
	}
	give := func(path string) error {
		return os.Lchown(path, int(a.uid), int(a.gid))
	}
	err = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		return give(path)
	})
	if err == nil {
		err = give(dir) // last, so that one who is killed on the way begins anew
	}
	if err != nil {
		return fmt.Errorf("give %s to %s: %w", dir, a.name, err)
	}
	return nil
}

// checkCanEnter reports, from the modes, the first directory on the way to dir, or dir itself, that
// the account may not enter. Postgres' own message would not say which.
func (a *account) checkCanEnter(dir string) error {
	if a == nil {
		return nil
	}
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("follow the way to %s: %w", dir, err)
	}
	var way []string
	for d := resolved; ; d = filepath.Dir(d) {
		way = append(way, d)
		if d == filepath.Dir(d) {
			break
		}
	}
	for i := len(way) - 1; i >= 0; i-- {
		info, err := os.Stat(way[i])
		if err != nil {
			return fmt.Errorf("follow the way to %s: %w", dir, err)
		}
		if !a.mayEnter(info) {
			return fmt.Errorf("the Postgres server refuses to run as root and runs as user %s, who may not enter %s (mode %04o) "+
				"on the way to %s; use a directory elsewhere, such as one in /var/lib, or: chmod o+x %s",
				a.name, way[i], info.Mode().Perm(), dir, way[i])
		}
	}
	return nil
}

func (a *account) mayEnter(info fs.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return true // unknown; Postgres will tell
	}
	switch mode := info.Mode().Perm(); {
	case stat.Uid == a.uid:
		return mode&0o100 != 0
	case stat.Gid == a.gid:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}
