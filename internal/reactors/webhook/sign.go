package webhook

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/spacekeeper/spacekeeper/internal/readfile"
)

const (
	minSecret, maxSecret = 24, 64 // bytes, as Standard Webhooks asks for
	maxSecrets           = 8      // each makes the header longer
)

// secretsIn reads the secrets in a file. Errors hold nothing of the content.
func secretsIn(path string) ([]*standardwebhooks.Webhook, error) {
	content, err := readfile.Regular(path, readfile.Secret)
	if err != nil {
		return nil, fmt.Errorf("read the webhook's secrets: %w", err)
	}
	var secrets []*standardwebhooks.Webhook
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(line, "whsec_"))
		if err != nil || len(key) < minSecret || len(key) > maxSecret {
			return nil, fmt.Errorf("read the webhook's secrets: line %d of %q isn't whsec_ and %d to %d bytes in base64", n, path, minSecret, maxSecret)
		}
		signer, err := standardwebhooks.NewWebhookRaw(key)
		if err != nil {
			return nil, fmt.Errorf("read the webhook's secrets: line %d of %q is refused", n, path)
		}
		secrets = append(secrets, signer)
	}
	if lines.Err() != nil || len(secrets) == 0 || len(secrets) > maxSecrets {
		return nil, fmt.Errorf("read the webhook's secrets: %q must hold 1 to %d of them, one a line", path, maxSecrets)
	}
	return secrets, nil
}

// sign makes the signature header: one signature for each secret.
func sign(secrets []*standardwebhooks.Webhook, id string, at time.Time, body []byte) (string, error) {
	signatures := make([]string, len(secrets))
	for i, s := range secrets {
		signature, err := s.Sign(id, at, body)
		if err != nil {
			return "", fmt.Errorf("sign the webhook: %w", err)
		}
		signatures[i] = signature
	}
	return strings.Join(signatures, " "), nil
}
