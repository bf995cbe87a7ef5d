// A relying party over go-oidc; see ../README.md.
package main

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

var lines = bufio.NewScanner(os.Stdin)

func hear() map[string]string {
	lines.Scan()
	heard := map[string]string{}
	must(json.Unmarshal(lines.Bytes(), &heard))
	return heard
}

func say(value map[string]any) {
	line, err := json.Marshal(value)
	must(err)
	fmt.Println(string(line))
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	begun := hear()
	provider, err := oidc.NewProvider(ctx, begun["issuer"])
	must(err)
	config := oauth2.Config{
		ClientID:     begun["clientId"],
		ClientSecret: begun["clientSecret"],
		Endpoint:     provider.Endpoint(),
		RedirectURL:  begun["redirectUri"],
		Scopes:       []string{oidc.ScopeOpenID, "profile", "email"},
	}
	state, nonce, pkce := oauth2.GenerateVerifier(), oauth2.GenerateVerifier(), oauth2.GenerateVerifier()
	say(map[string]any{
		"authorize": config.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(pkce)),
	})

	callback, err := url.Parse(hear()["callback"])
	must(err)
	if callback.Query().Get("state") != state {
		log.Fatal("another state came back")
	}
	tokens, err := config.Exchange(ctx, callback.Query().Get("code"), oauth2.VerifierOption(pkce))
	must(err)
	verified := verify(ctx, provider, begun["clientId"], tokens)
	if verified.Nonce != nonce {
		log.Fatal("another nonce came back")
	}
	person, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	must(err)
	say(map[string]any{"sub": verified.Subject, "email": person.Email})

	heard := hear()
	for ; heard["again"] != ""; heard = hear() {
		_, refused := provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
		tokens, err = refresh(ctx, config, tokens)
		must(err)
		verified = verify(ctx, provider, begun["clientId"], tokens)
		person, err = provider.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
		must(err)
		say(map[string]any{
			"sub":      verified.Subject,
			"email":    person.Email,
			"kid":      keyOf(tokens),
			"honoured": refused == nil,
		})
	}

	var metadata struct {
		EndSession string `json:"end_session_endpoint"`
	}
	must(provider.Claims(&metadata))
	logout := url.Values{
		"id_token_hint":            {tokens.Extra("id_token").(string)},
		"post_logout_redirect_uri": {begun["home"]},
	}
	say(map[string]any{"logout": metadata.EndSession + "?" + logout.Encode()})
	hear()
	_, err = refresh(ctx, config, tokens)
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		say(map[string]any{"refused": refused.ErrorCode})
		return
	}
	say(map[string]any{"refused": nil})
}

func verify(ctx context.Context, provider *oidc.Provider, client string, tokens *oauth2.Token) *oidc.IDToken {
	raw, ok := tokens.Extra("id_token").(string)
	if !ok {
		log.Fatal("there is no id token")
	}
	verified, err := provider.Verifier(&oidc.Config{ClientID: client}).Verify(ctx, raw)
	must(err)
	if verified.AccessTokenHash != "" {
		must(verified.VerifyAccessToken(tokens.AccessToken))
	}
	return verified
}

// keyOf says which key signed an id token that was verified.
func keyOf(tokens *oauth2.Token) string {
	head, _, _ := strings.Cut(tokens.Extra("id_token").(string), ".")
	decoded, err := base64.RawURLEncoding.DecodeString(head)
	must(err)
	var header struct {
		Key string `json:"kid"`
	}
	must(json.Unmarshal(decoded, &header))
	return header.Key
}

func refresh(ctx context.Context, config oauth2.Config, tokens *oauth2.Token) (*oauth2.Token, error) {
	return config.TokenSource(ctx, &oauth2.Token{RefreshToken: tokens.RefreshToken}).Token()
}
