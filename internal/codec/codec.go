// Package codec encrypts what Temporal histories hold: AES-256-GCM with a ring of keys, of which one encrypts and all
// decrypt, so that keys can be rotated while migrations run.
package codec

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"
)

// Metadata of an encrypted payload.
const (
	metadataEncoding = "encoding"
	metadataKey      = "encryption-key-id"
	metadataCipher   = "encryption-cipher"

	encoding   = "binary/encrypted"
	cipherName = "AES-256-GCM"
)

// KeySize is the size of a key in bytes.
const KeySize = 32

// UnknownKeyError says that a payload was encrypted with a key this process does not have. Its type name stands in
// histories: workflows know it by that name.
type UnknownKeyError struct {
	KeyID string
	Known []string
}

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("a payload is encrypted with key %q, which this process does not have (it has: %s); add it to codec.keys of every gateway and worker",
		e.KeyID, strings.Join(e.Known, ", "))
}

// ErrDamaged says that a payload cannot be decrypted with the key it names: it was changed, or another key has that id.
var ErrDamaged = errors.New("an encrypted payload is damaged, or its key id stands for another key here")

// Codec is a ring of keys. It is a converter.PayloadCodec, immutable and safe for concurrent use.
type Codec struct {
	active string
	keys   map[string]cipher.AEAD
}

// New makes a codec of keys by id. An empty active id decrypts only; what is written is then not encrypted.
func New(active string, keys map[string][]byte) (*Codec, error) {
	c := &Codec{active: active, keys: map[string]cipher.AEAD{}}
	for id, key := range keys {
		if id == "" || len(key) != KeySize {
			return nil, fmt.Errorf("codec key %q: a key needs an id and %d bytes, this one has %d", id, KeySize, len(key))
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, fmt.Errorf("codec key %q: %w", id, err)
		}
		if c.keys[id], err = cipher.NewGCM(block); err != nil {
			return nil, fmt.Errorf("codec key %q: %w", id, err)
		}
	}
	if active != "" && c.keys[active] == nil {
		return nil, &UnknownKeyError{active, c.KeyIDs()}
	}
	return c, nil
}

// KeyIDs are the ids of the keys.
func (c *Codec) KeyIDs() []string {
	ids := make([]string, 0, len(c.keys))
	for id := range c.keys {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// Encrypts reports whether what is written is encrypted.
func (c *Codec) Encrypts() bool { return c.active != "" }

// additional binds a sealed payload to how it says it was sealed.
func additional(keyID string) []byte { return []byte(encoding + "\x00" + cipherName + "\x00" + keyID) }

// Encode implements converter.PayloadCodec.
func (c *Codec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	if !c.Encrypts() {
		return payloads, nil
	}
	aead := c.keys[c.active]
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if isEncrypted(p) {
			out[i] = p
			continue
		}
		plain, err := proto.Marshal(p)
		if err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		// 96 random bits for each payload: by the usual bound a key serves 2^32 of them; rotate long before.
		nonce := make([]byte, aead.NonceSize(), aead.NonceSize()+len(plain)+aead.Overhead())
		if _, err := rand.Read(nonce); err != nil {
			return nil, fmt.Errorf("encrypt a payload: %w", err)
		}
		out[i] = &commonpb.Payload{
			Metadata: map[string][]byte{metadataEncoding: []byte(encoding), metadataKey: []byte(c.active), metadataCipher: []byte(cipherName)},
			Data:     aead.Seal(nonce, nonce, plain, additional(c.active)),
		}
	}
	return out, nil
}

// Decode implements converter.PayloadCodec. What is not encrypted passes as it is: encryption may be turned on while
// migrations run. A key that is missing gives *UnknownKeyError.
func (c *Codec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	out := make([]*commonpb.Payload, len(payloads))
	for i, p := range payloads {
		if !isEncrypted(p) {
			out[i] = p
			continue
		}
		id := string(p.GetMetadata()[metadataKey])
		aead, ok := c.keys[id]
		if !ok {
			return nil, &UnknownKeyError{id, c.KeyIDs()}
		}
		data := p.GetData()
		if len(data) < aead.NonceSize() {
			return nil, fmt.Errorf("%w (key %q: too short)", ErrDamaged, id)
		}
		plain, err := aead.Open(nil, data[:aead.NonceSize()], data[aead.NonceSize():], additional(id))
		if err != nil {
			return nil, fmt.Errorf("%w (key %q)", ErrDamaged, id)
		}
		out[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, out[i]); err != nil {
			return nil, fmt.Errorf("%w (key %q): %w", ErrDamaged, id, err)
		}
	}
	return out, nil
}

func isEncrypted(p *commonpb.Payload) bool {
	return string(p.GetMetadata()[metadataEncoding]) == encoding
}
