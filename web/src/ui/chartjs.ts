// The part of the page that has Chart.js; loaded when the first chart is shown.
import {ArcElement, BarController, BarElement, CategoryScale, Chart, DoughnutController, LinearScale, Tooltip} from 'chart.js'

Chart.register(ArcElement, BarController, BarElement, CategoryScale, DoughnutController, LinearScale, Tooltip)
Chart.defaults.animation = false

export {Chart}
