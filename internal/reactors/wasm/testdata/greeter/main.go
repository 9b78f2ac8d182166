//go:build wasip1

// Greeter is a module for exec, written in Go: it welcomes who joins, unless
// the configuration names them. Build it with
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -o greeter.wasm ./greeter
package main

import (
	"encoding/json"
	"unsafe"
)

// main is not called: a module is a library.
func main() {}

// input is what was written into the module's memory last; it is kept here, so
// that the garbage collector doesn't take it.
var input, output []byte

//go:wasmexport alloc
func alloc(size uint32) uint32 {
	input = make([]byte, max(size, 1))
	return uint32(uintptr(unsafe.Pointer(&input[0])))
}

//go:wasmexport react
func react(_, size uint32) uint64 {
	output = decide(input[:size])
	return uint64(uintptr(unsafe.Pointer(&output[0])))<<32 | uint64(len(output))
}

func decide(raw []byte) []byte {
	var in struct {
		Facts struct {
			Member struct {
				Name string `json:"name"`
			} `json:"member"`
			Space struct {
				Name string `json:"name"`
			} `json:"space"`
		} `json:"facts"`
		Config map[string]string `json:"config"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		panic(err)
	}
	if in.Config["except"] == in.Facts.Member.Name {
		return []byte(`{"do": [], "note": "excepted"}`)
	}
	send := map[string]string{"to": in.Facts.Space.Name, "text": in.Config["hello"] + " <" + in.Facts.Member.Name + ">"}
	out, err := json.Marshal(map[string]any{"do": []any{map[string]any{"send": send}}})
	if err != nil {
		panic(err)
	}
	return out
}
