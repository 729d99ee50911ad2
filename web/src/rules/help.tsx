import {Button} from '../ui/basic'
import {Dialog} from '../ui/dialog'
import {type Binding, keyName} from './keys'

/** Lists the keys of a view. */
export function KeysDialog({bindings, mayWrite, onClose}: {bindings: readonly Binding<string>[]; mayWrite: boolean; onClose: () => void}) {
  return (
    <Dialog
      title="Keys"
      onClose={onClose}
      footer={
        <Button kind="primary" onClick={onClose}>
          Close
        </Button>
      }
    >
      <table class="keys">
        <thead class="visually-hidden">
          <tr>
            <th scope="col">Key</th>
            <th scope="col">What it does</th>
          </tr>
        </thead>
        <tbody>
          {bindings
            .filter(b => mayWrite || !b.writes)
            .map(b => (
              <tr key={b.action}>
                <td>
                  {b.keys.map(k => (
                    <kbd key={k}>{keyName(k)}</kbd>
                  ))}
                </td>
                <td>{b.help}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </Dialog>
  )
}
