package assistant

import (
	"context"
	"maps"
	"sync"
	"time"
)

// memory keeps questions in this process.
type memory struct {
	mu        sync.Mutex
	questions map[string]*kept
}

type kept struct {
	content []byte
	at      time.Time
	steps   map[string][]byte
}

func newMemory() *memory { return &memory{questions: map[string]*kept{}} }

func (m *memory) CreateQuestion(_ context.Context, id string, content []byte, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.questions[id]; ok {
		return ErrExists
	}
	m.questions[id] = &kept{content, at, map[string][]byte{}}
	return nil
}

func (m *memory) Question(_ context.Context, id string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.questions[id]
	if !ok {
		return nil, ErrNotFound
	}
	return k.content, nil
}

func (m *memory) SaveStep(_ context.Context, id, step string, content []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.questions[id]
	if !ok {
		return nil, ErrNotFound
	}
	if was, ok := k.steps[step]; ok {
		return was, nil
	}
	k.steps[step] = content
	return content, nil
}

func (m *memory) Step(_ context.Context, id, step string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if k, ok := m.questions[id]; ok {
		if content, ok := k.steps[step]; ok {
			return content, nil
		}
	}
	return nil, ErrNotFound
}

func (m *memory) Steps(_ context.Context, id string) (map[string][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k, ok := m.questions[id]
	if !ok {
		return nil, ErrNotFound
	}
	return maps.Clone(k.steps), nil
}

func (m *memory) DeleteQuestion(_ context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.questions, id)
	return nil
}

func (m *memory) StaleQuestions(_ context.Context, before time.Time) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var ids []string
	for id, k := range m.questions {
		if k.at.Before(before) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}
