package payload

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func payloads() map[string][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 4<<10)
	for i := range noise {
		noise[i] = byte(r.UintN(256))
	}
	return map[string][]byte{
		"short": []byte(`{"message":{"name":"spaces/AAQA/messages/1.1","sender":{"name":"users/1","type":"HUMAN"},"text":"hello"}}`),
		"long":  []byte(`{"message":{"name":"spaces/AAQA/messages/1.1","text":"` + strings.Repeat("we should move the review to thursday ", 9_000) + `"}}`),
		"mixed": fmt.Appendf(nil, `{"messages":[{"message":{"name":"spaces/AAQA/messages/1.1","text":"%x"}}]}`, noise),
		"noise": noise,
		"none":  {},
	}
}

// What is stored is read by the zstd of the system with the dictionary that is
// stored beside it.
func TestPayloadsAreReadByTheSystemsZstd(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("zstd")
	if err != nil {
		t.Skip("no zstd on this machine: install Debian's package zstd to run this test")
	}
	c, err := NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	dict := filepath.Join(t.TempDir(), "dictionary")
	if err := os.WriteFile(dict, []byte(dictionary), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, data := range payloads() {
		stored, codec := c.Encode(nil, data)
		if codec == codecRaw {
			continue
		}
		for _, flags := range [][]string{{"-D", dict}, {"--patch-from=" + dict}} {
			cmd := exec.CommandContext(t.Context(), tool, append([]string{"-d", "-c"}, flags...)...)
			cmd.Stdin = bytes.NewReader(stored)
			var said strings.Builder
			cmd.Stderr = &said
			got, err := cmd.Output()
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s: zstd -d %s gives %d bytes, %v: %s; want the %d that were stored", name, flags, len(got), err, said.String(), len(data))
			}
		}
	}
}

func TestPayloadsComeBack(t *testing.T) {
	t.Parallel()
	c, err := NewCodec()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, data := range payloads() {
		stored, codec := c.Encode([]byte("before"), data)
		got, err := c.Decode(stored[len("before"):], codec)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s: %d bytes come back, %v; want %d", name, len(got), err, len(data))
		}
	}
	if _, err := c.Decode(nil, 7); err == nil {
		t.Error("an unknown codec is no error")
	}
}
