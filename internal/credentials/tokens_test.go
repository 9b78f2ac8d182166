package credentials

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	pubsub "cloud.google.com/go/pubsub/v2/apiv1"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpccredentials "google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/spacekeeper/spacekeeper/internal/config"
)

// pubsub is a Pub/Sub that knows nothing but who asks: it answers NotFound, with
// the caller in it. It repeats a token that it refuses.
func (g *google) pubsub(own []option.ClientOption) *pubsub.SubscriptionAdminClient {
	g.t.Helper()
	model := httptest.NewUnstartedServer(nil)
	model.StartTLS()
	certificate := model.TLS.Certificates[0]
	model.Close()
	pool := x509.NewCertPool()
	pool.AddCert(model.Certificate())
	server := grpc.NewServer(grpc.Creds(grpccredentials.NewServerTLSFromCert(&certificate)),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			md, _ := metadata.FromIncomingContext(stream.Context())
			token := strings.TrimPrefix(strings.Join(md.Get("authorization"), ""), "Bearer ")
			if agent := strings.Join(md.Get("user-agent"), ""); !strings.HasPrefix(agent, "spacekeeper/") {
				g.t.Errorf("Pub/Sub was asked by %q, want our name first", agent)
			}
			g.mu.Lock()
			defer g.mu.Unlock()
			if who := g.tokens[token].who; who != "" {
				return status.Error(codes.NotFound, "asked by "+who+" ["+g.tokens[token].scopes+"]")
			}
			return status.Error(codes.Unauthenticated, "not "+token)
		}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		g.t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- server.Serve(listener) }()
	g.t.Cleanup(func() {
		server.Stop()
		<-done
	})
	secure := grpccredentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: "example.com", MinVersion: tls.VersionTLS13})
	client, err := pubsub.NewSubscriptionAdminClient(g.t.Context(), append(own,
		option.WithEndpoint(listener.Addr().String()), option.WithGRPCDialOption(grpc.WithTransportCredentials(secure)))...)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { client.Close() })
	return client
}

// call asks Pub/Sub for something.
func call(ctx context.Context, client *pubsub.SubscriptionAdminClient) error {
	_, err := client.GetSubscription(ctx, &pubsubpb.GetSubscriptionRequest{Subscription: "projects/p/subscriptions/s"})
	return err
}

// pull opens a stream and waits for what comes.
func pull(ctx context.Context, client *pubsub.SubscriptionAdminClient) error {
	stream, err := client.StreamingPull(ctx)
	if err == nil {
		_, err = stream.Recv()
	}
	return err
}

// TestNothingIsRepeated refuses all requests of tokens, repeating what was sent,
// in every mode, to a client of HTTP and to one of Pub/Sub.
func TestNothingIsRepeated(t *testing.T) {
	g := start(t)
	for _, path := range []string{"/token", ":signJwt", ":generateAccessToken", "/subject"} {
		for _, bad := range []answer{
			{400, `{"error": "invalid_grant", "error_description": ECHO, "error_uri": ECHO, "error_subtype": ECHO}`},
			{403, `{"error": {"status": ECHO, "message": ECHO}}`}, {401, `ECHO`}, {200, `ECHO`},
			{200, `{"error": ECHO, "access_token": 7, "expires_in": ECHO}`},
		} {
			g.refuse = map[string]answer{path: bad}
			for name, auth := range map[string]config.Auth{
				"key": {CredentialsFile: g.serviceAccountKey()}, "impersonation": {CredentialsFile: g.impersonation()},
				"pool": {CredentialsFile: g.pool(account)}, "user": {Mode: config.AuthUser, TokenFile: g.consent(), CredentialsFile: g.pool("")},
				"delegation": {Mode: config.AuthImpersonate, Subject: subject, CredentialsFile: g.serviceAccountKey()},
				"signature":  {Mode: config.AuthImpersonate, Subject: subject, CredentialsFile: g.impersonation()},
			} {
				for _, byDefault := range []bool{false, true} {
					if t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", ""); byDefault {
						t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", auth.CredentialsFile)
						auth.CredentialsFile = ""
					}
					rt, err := opener{base: g}.transport(auth, []string{readMessages})
					if err != nil {
						t.Fatal(err)
					}
					if _, err = g.whoAmI(rt); err != nil && g.leaks(err) != "" {
						t.Errorf("%s, %s answers %v: a secret shows in\n%v", name, path, bad, g.leaks(err))
					}
					held, err := opener{base: g}.hold(auth.AsApp(), []string{cloudPlatform})
					if err != nil {
						t.Fatal(err)
					}
					if _, err = held.Token(t.Context()); err != nil && g.leaks(err) != "" {
						t.Errorf("%s, for Pub/Sub, %s answers %v: a secret shows in\n%v", name, path, bad, g.leaks(err))
					}
				}
			}
		}
	}
}

// TestPubSubExplains has nothing but Application Default Credentials, whose token
// service is on this machine and refuses.
func TestPubSubExplains(t *testing.T) {
	g := start(t)
	g.refuse["/token"] = answer{400, `{"error": "invalid_grant", "error_description": ECHO}`}
	key, err := os.ReadFile(g.serviceAccountKey())
	if err != nil {
		t.Fatal(err)
	}
	file := g.write("key.json", strings.Replace(string(key), "https://oauth2.googleapis.com", g.url.String(), 1))
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", file)
	own, err := ClientOptions(config.Auth{Mode: config.AuthUser, TokenFile: "absent"}, "https://www.googleapis.com/auth/pubsub")
	if err != nil {
		t.Fatal(err)
	}
	client := g.pubsub(own)
	for name, err := range map[string]error{"call": call(t.Context(), client), "stream": pull(t.Context(), client)} {
		var e *Error
		if !errors.As(err, &e) || status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "get an access token as the service account") {
			t.Errorf("%s: got error %v, want our own in it", name, err)
		}
		if text := g.leaks(err); text != "" {
			t.Errorf("%s: a secret shows in\n%s", name, text)
		}
	}
	delete(g.refuse, "/token")
	if err := call(t.Context(), client); status.Code(err) != codes.NotFound || !strings.Contains(err.Error(), "[https://www.googleapis.com/auth/pubsub]") {
		t.Errorf("got error %v, want a call with the scope of Pub/Sub alone", err)
	}
}

// TestRevokedTokensAreReplaced lets Google refuse tokens before their time.
func TestRevokedTokensAreReplaced(t *testing.T) {
	t.Parallel()
	for name, auth := range map[string]func(*google) config.Auth{
		"key":  func(g *google) config.Auth { return config.Auth{CredentialsFile: g.serviceAccountKey()} },
		"pool": func(g *google) config.Auth { return config.Auth{CredentialsFile: g.pool(account)} },
		"user": func(g *google) config.Auth { return config.Auth{Mode: config.AuthUser, TokenFile: g.consent()} },
		"delegation": func(g *google) config.Auth {
			return config.Auth{Mode: config.AuthImpersonate, Subject: subject, CredentialsFile: g.impersonation()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t)
			rt, err := opener{base: g}.transport(auth(g), []string{readMessages})
			if err != nil {
				t.Fatal(err)
			}
			post := func() (string, error) {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://chat.googleapis.com/whoami", strings.NewReader("; the body"))
				if err != nil {
					t.Fatal(err)
				}
				resp, err := (&http.Client{Transport: rt}).Do(req)
				if err != nil {
					return "", err
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				return string(body), err
			}
			before, err := post()
			if err != nil {
				t.Fatal(err)
			}
			g.revoke()
			if after, err := post(); err != nil || after != before || !strings.HasSuffix(after, "; the body") {
				t.Errorf("got %q (%v), want %q as before", after, err, before)
			}
		})
	}
}

// TestRevokedConsentIsReplaced replaces the file after Google has revoked the
// token that came of the old one.
func TestRevokedConsentIsReplaced(t *testing.T) {
	t.Parallel()
	g := start(t)
	file := g.consent()
	rt, err := opener{base: g}.transport(config.Auth{Mode: config.AuthUser, TokenFile: file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.whoAmI(rt); err != nil {
		t.Fatal(err)
	}
	content := fmt.Sprintf(`{"client_id": "7", "client_secret": "%s-client", "refresh_token": "%s-refresh-2"}`, secret, secret)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	g.revoke()
	if got, err := g.whoAmI(rt); err != nil || got != "user by hunter2-refresh-2 []" {
		t.Errorf("got %q (%v), want the new consent", got, err)
	}
}

// TestRefusedTokens are refused whatever is done: the error names the file, and
// Google isn't asked for a token at every call.
func TestRefusedTokens(t *testing.T) {
	t.Parallel()
	for name, auth := range map[string]func(*google) config.Auth{
		"key":  func(g *google) config.Auth { return config.Auth{CredentialsFile: g.serviceAccountKey()} },
		"user": func(g *google) config.Auth { return config.Auth{Mode: config.AuthUser, TokenFile: g.consent()} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := start(t)
			g.refuse["/whoami"] = answer{401, `ECHO`}
			a := auth(g)
			rt, err := opener{base: g}.transport(a, []string{readMessages})
			if err != nil {
				t.Fatal(err)
			}
			for range 5 {
				_, err = g.whoAmI(rt)
				var e *Error
				if !errors.As(err, &e) || e.Status != 401 || e.Temporary() || !strings.Contains(e.Remedy, source(a)) {
					t.Fatalf("got error %v, want a lasting one that names the file", err)
				}
				if text := g.leaks(err); text != "" {
					t.Errorf("a secret shows in\n%s", text)
				}
			}
			if n := g.count("/token"); n != 2 {
				t.Errorf("asked for %d tokens, want 2", n)
			}
		})
	}
}

// TestPubSubTokensAreReplaced revokes the token of a call and of a stream.
func TestPubSubTokensAreReplaced(t *testing.T) {
	t.Parallel()
	g := start(t)
	own, err := opener{base: g}.clientOptions(config.Auth{CredentialsFile: g.serviceAccountKey()}, []string{cloudPlatform})
	if err != nil {
		t.Fatal(err)
	}
	client := g.pubsub(own)
	if err := call(t.Context(), client); status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
	g.revoke()
	if err := call(t.Context(), client); status.Code(err) != codes.NotFound {
		t.Errorf("got error %v, want the call to be accepted with a new token", err)
	}

	own, err = opener{base: g}.clientOptions(config.Auth{CredentialsFile: g.serviceAccountKey()}, []string{cloudPlatform})
	if err != nil {
		t.Fatal(err)
	}
	client = g.pubsub(own)
	if err := pull(t.Context(), client); status.Code(err) != codes.NotFound {
		t.Fatal(err)
	}
	g.revoke()
	err = pull(t.Context(), client)
	if !errors.As(err, new(*Error)) || !strings.Contains(err.Error(), "auth.credentials_file") || g.leaks(err) != "" {
		t.Errorf("got error %v, want one that names the file", err)
	}
	if err := pull(t.Context(), client); status.Code(err) != codes.NotFound {
		t.Errorf("got error %v, want the next stream to be accepted", err)
	}
}
