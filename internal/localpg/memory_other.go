//go:build !linux

package localpg

// memoryDir knows of no folder in memory here.
func memoryDir() string { return "" }
