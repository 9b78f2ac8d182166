package localpg

import "syscall"

// enoughMemory is many times what tests put there.
const enoughMemory = 4 << 30

// memoryDir is the folder of the system that is in memory; "" if there is none or
// it is small, as in a container.
func memoryDir() string {
	const dir, tmpfs = "/dev/shm", 0x01021994
	var fs syscall.Statfs_t
	if err := syscall.Statfs(dir, &fs); err != nil || fs.Type != tmpfs || fs.Bavail*uint64(fs.Bsize) < enoughMemory {
		return ""
	}
	return dir
}
