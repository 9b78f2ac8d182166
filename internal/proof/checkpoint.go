package proof

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Checkpoint says of a log what its tree is at a size. Signed, it is a note as
// C2SP's tlog-checkpoint describes it.
type Checkpoint struct {
	Origin string // name of the log, and of its key
	Size   uint64
	Root   Hash
}

// Suffix is what the names of files that hold a checkpoint end in.
const Suffix = ".checkpoint"

// FileName is what its file is called: so files are in the order of their sizes, and
// one of another tree doesn't take the place of one that is there.
func (c Checkpoint) FileName() string { return fmt.Sprintf("%012d-%x%s", c.Size, c.Root[:8], Suffix) }

// NewKey makes a key for the log of a name: what signs, which is secret, and what
// others check signatures with.
func NewKey(origin string) (secret, public string, err error) {
	if secret, public, err = note.GenerateKey(rand.Reader, origin); err != nil {
		return "", "", fmt.Errorf("make a key for the log %q: %w", origin, err)
	}
	if _, err := note.NewVerifier(public); err != nil {
		return "", "", fmt.Errorf("make a key for the log %q: the name may have no spaces and no +", origin)
	}
	return secret, public, nil
}

// Signer reads the secret part of a key.
func Signer(secret string) (note.Signer, error) {
	s, err := note.NewSigner(strings.TrimSpace(secret))
	if err != nil { // which may quote it
		return nil, errors.New("it isn't the secret part of a key, which begins with PRIVATE+KEY+")
	}
	return s, nil
}

// Verifier reads the public part of a key.
func Verifier(public string) (note.Verifier, error) {
	v, err := note.NewVerifier(strings.TrimSpace(public))
	if err != nil {
		return nil, errors.New("it isn't the public part of a key, such as example.com/chat+1a2b3c4d+AbCd…")
	}
	return v, nil
}

// Sign returns the checkpoint as a signed note. Its origin is the signer's name.
func (c Checkpoint) Sign(s note.Signer) (string, error) {
	text := fmt.Sprintf("%s\n%d\n%s\n", s.Name(), c.Size, base64.StdEncoding.EncodeToString(c.Root[:]))
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return "", fmt.Errorf("sign a checkpoint: %w", err)
	}
	return string(signed), nil
}

// OpenCheckpoint reads a checkpoint that one of the keys has signed. Former keys
// of a log have its name, too.
func OpenCheckpoint(signed string, keys ...note.Verifier) (Checkpoint, error) {
	n, err := note.Open([]byte(signed), note.VerifierList(keys...))
	var unverified *note.UnverifiedNoteError
	switch {
	case errors.As(err, &unverified):
		return Checkpoint{}, fmt.Errorf("the checkpoint of the log %q isn't signed by the key that is asked for", firstLine(unverified.Note.Text))
	case err != nil:
		return Checkpoint{}, fmt.Errorf("it is no checkpoint: %w", err)
	}
	c, err := ReadCheckpoint(n.Text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != n.Sigs[0].Name {
		return Checkpoint{}, fmt.Errorf("the checkpoint is of the log %q, and signed for %q", c.Origin, n.Sigs[0].Name)
	}
	return c, nil
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// ReadCheckpoint reads what a checkpoint says, whoever has signed it.
func ReadCheckpoint(text string) (c Checkpoint, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		return c, errors.New("it is no checkpoint: it has fewer than three lines")
	}
	c.Origin = lines[0]
	if c.Size, err = strconv.ParseUint(lines[1], 10, 63); err != nil || strconv.FormatUint(c.Size, 10) != lines[1] {
		return c, fmt.Errorf("it is no checkpoint: %q is no number of leaves", lines[1])
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != HashSize {
		return c, errors.New("it is no checkpoint: its third line is no hash")
	}
	c.Root = Hash(root)
	return c, nil
}
