package app

import "fmt"

// leastFree is the room in bytes below which a database can hardly be written.
const leastFree = 1 << 20

// Full says that the disk of the data folder has no room left, and what to do; nil when it has room, or when nothing is kept.
// Errors of the databases come through several services, which rarely name the disk.
func (a *App) Full() error {
	dir := a.DataDir()
	if dir == "" {
		return nil
	}
	free, err := freeBytes(dir)
	if err != nil {
		return nil // the first error says more
	}
	return room(dir, free)
}

func room(dir string, free uint64) error {
	if free >= leastFree {
		return nil
	}
	return fmt.Errorf("the disk that holds %s is full (%d KiB are left): make room there and run the same command again; what was finished is kept", dir, free>>10)
}
