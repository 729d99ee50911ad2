package codec

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
)

// Marks of what Seal writes. Content that begins like one of them is marked as plain, so that Open never takes it for
// sealed.
const (
	sealedMark = "sealed:v1:"
	plainMark  = "plain:v1:"
)

// Seal encrypts content that a store keeps, as text, when the ring has an active key; without one it returns the content
// as it is. The place names where the content belongs, such as a conversation: moved elsewhere it does not open.
func (c *Codec) Seal(place string, content []byte) ([]byte, error) {
	if c == nil || !c.Encrypts() {
		if bytes.HasPrefix(content, []byte(sealedMark)) || bytes.HasPrefix(content, []byte(plainMark)) {
			return append([]byte(plainMark), content...), nil
		}
		return content, nil
	}
	aead := c.keys[c.active]
	nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(content)+aead.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		return nil, fmt.Errorf("encrypt content: %w", err)
	}
	sealed := aead.Seal(nonce, nonce, content, placed(c.active, place))
	return []byte(sealedMark + base64.RawURLEncoding.EncodeToString([]byte(c.active)) + ":" + base64.RawStdEncoding.EncodeToString(sealed)), nil
}

// placed binds content to its key and place.
func placed(keyID, place string) []byte { return append(additional(keyID), "\x00"+place...) }

// Open reverses Seal. What was never sealed passes as it is: encryption may be turned on at any time. A key that is
// missing gives *UnknownKeyError, changed or moved content ErrDamaged.
func (c *Codec) Open(place string, content []byte) ([]byte, error) {
	if rest, ok := bytes.CutPrefix(content, []byte(plainMark)); ok {
		return rest, nil
	}
	rest, ok := strings.CutPrefix(string(content), sealedMark)
	if !ok {
		return content, nil
	}
	key, text, _ := strings.Cut(rest, ":")
	id, err := base64.RawURLEncoding.DecodeString(key)
	if err != nil {
		return nil, fmt.Errorf("%w (its key id cannot be read)", ErrDamaged)
	}
	var known []string
	if c != nil {
		known = c.KeyIDs()
	}
	if c == nil || c.keys[string(id)] == nil {
		return nil, &UnknownKeyError{string(id), known}
	}
	aead := c.keys[string(id)]
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(data) < aead.NonceSize() {
		return nil, fmt.Errorf("%w (key %q: too short or no base64)", ErrDamaged, id)
	}
	plain, err := aead.Open(nil, data[:aead.NonceSize()], data[aead.NonceSize():], placed(string(id), place))
	if err != nil {
		return nil, fmt.Errorf("%w (key %q)", ErrDamaged, id)
	}
	return plain, nil
}
