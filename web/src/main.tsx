import './styles/main.css'
import {render} from 'preact'
import {refuseStrayFiles} from './migrations/stray'
import {listen} from './router'
import {Shell} from './shell'
import {apply} from './theme'
import {views} from './views'

apply()
listen()
refuseStrayFiles()
const root = document.getElementById('root')
if (root) render(<Shell views={views} />, root)
