package checkpoints

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spacekeeper/spacekeeper/internal/proof"
	"github.com/spacekeeper/spacekeeper/internal/readfile"
)

// place is one that checkpoints are copied to.
type place interface {
	// String names it in logs and in proof_copies. It holds no secret.
	String() string
	// put copies a note there. Once more does no harm.
	put(ctx context.Context, name, note string) error
}

type directory string

func (d directory) String() string { return string(d) }

func (d directory) put(_ context.Context, name, note string) error {
	path := filepath.Join(string(d), name)
	switch there, err := readfile.Regular(path, readfile.Secret); {
	case err == nil && string(there) == note:
		return nil
	case err == nil && there != nil:
		return fmt.Errorf("%s is there already, and holds something else", name)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	file, err := os.CreateTemp(string(d), ".new-")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // it's gone if all went well
	_, err = file.WriteString(note)
	if err = errors.Join(err, file.Chmod(0o444), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}

// newest reads the copy of the largest tree; the zero value if there is none.
func (d directory) newest() (c proof.Checkpoint, err error) {
	entries, err := os.ReadDir(string(d)) // by name
	if err != nil {
		return c, err
	}
	for i := len(entries) - 1; i >= 0; i-- {
		if name := entries[i].Name(); strings.HasSuffix(name, proof.Suffix) {
			note, err := readfile.Regular(filepath.Join(string(d), name), readfile.Secret)
			if err == nil {
				c, err = proof.ReadCheckpoint(string(note))
			}
			if err != nil {
				return c, fmt.Errorf("read %s: %w", name, err)
			}
			return c, nil
		}
	}
	return c, nil
}

// bucket is one of Google Cloud Storage, gs://name/prefix.
type bucket struct {
	client       *http.Client
	base         string // URL of the service
	name, prefix string
}

func (b bucket) String() string { return strings.TrimSuffix("gs://"+b.name+"/"+b.prefix, "/") }

// put creates an object, and overwrites none: that needs the role of an object creator
// only, and works in buckets that keep what they have.
func (b bucket) put(ctx context.Context, name, note string) error {
	object := url.Values{"uploadType": {"media"}, "ifGenerationMatch": {"0"}, "name": {strings.TrimPrefix(b.prefix+"/"+name, "/")}}
	status, err := post(ctx, b.client, b.base+"/upload/storage/v1/b/"+url.PathEscape(b.name)+"/o?"+object.Encode(), note)
	switch status {
	case http.StatusPreconditionFailed: // it is there
		return nil
	case http.StatusForbidden, http.StatusUnauthorized:
		return fmt.Errorf("%w: grant the worker's service account roles/storage.objectCreator on the bucket", err)
	case http.StatusNotFound:
		return fmt.Errorf("%w: there is no such bucket", err)
	}
	return err
}

// receiver is an address that is told each checkpoint.
type receiver struct {
	client *http.Client
	url    string
}

// String leaves out the path, which may hold a token.
func (r receiver) String() string {
	u, _ := url.Parse(r.url) // the configuration was checked
	return fmt.Sprintf("https://%s#%x", u.Host, sha256.Sum256([]byte(r.url)))[:len("https://#")+len(u.Host)+8]
}

func (r receiver) put(ctx context.Context, _, note string) error {
	_, err := post(ctx, r.client, r.url, note)
	return err
}

const (
	timeout   = 15 * time.Second // shorter than others wait to try
	maxAnswer = 64 << 10
)

// post errs unless the answer is one of success. Errors hold nothing of the address but
// its host.
func post(ctx context.Context, client *http.Client, to, note string) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader([]byte(note)))
	if err != nil {
		return 0, errors.New("the address can't be used")
	}
	req.Header.Set("Content-Type", "text/plain; charset=utf-8")
	answer, err := client.Do(req)
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err
	}
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxAnswer)) // so that the connection can be kept
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return answer.StatusCode, fmt.Errorf("%s answered %d", req.URL.Host, answer.StatusCode)
	}
	return answer.StatusCode, nil
}
