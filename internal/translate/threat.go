package translate

import (
	"slices"
	"strings"
)

type tactic struct{ id, name string }

var tactics = map[string]tactic{
	"RC": {"TA0043", "Reconnaissance"}, "RD": {"TA0042", "Resource Development"}, "IA": {"TA0001", "Initial Access"},
	"EX": {"TA0002", "Execution"}, "PE": {"TA0003", "Persistence"}, "PR": {"TA0004", "Privilege Escalation"},
	"DE": {"TA0005", "Defense Evasion"}, "CA": {"TA0006", "Credential Access"}, "DI": {"TA0007", "Discovery"},
	"LM": {"TA0008", "Lateral Movement"}, "CO": {"TA0009", "Collection"}, "CC": {"TA0011", "Command and Control"},
	"XF": {"TA0010", "Exfiltration"}, "IM": {"TA0040", "Impact"},
}

// techniqueTactics are facts of MITRE ATT&CK (enterprise): the tactics of each technique.
const techniqueTactics = `T1001 CC|T1003 CA|T1005 CO|T1006 DE|T1007 DI|T1008 CC|T1010 DI|T1011 XF|T1012 DI|T1014 DE|T1016 DI|T1018 DI
T1020 XF|T1021 LM|T1025 CO|T1027 DE|T1029 XF|T1030 XF|T1033 DI|T1036 DE|T1037 PE,PR|T1039 CO|T1040 CA,DI|T1041 XF|T1046 DI|T1047 EX
T1048 XF|T1049 DI|T1052 XF|T1053 EX,PE,PR|T1055 DE,PR|T1056 CO,CA|T1057 DI|T1059 EX|T1068 PR|T1069 DI|T1070 DE|T1071 CC|T1072 EX,LM
T1074 CO|T1078 DE,PE,PR,IA|T1080 LM|T1082 DI|T1083 DI|T1087 DI|T1090 CC|T1091 IA,LM|T1092 CC|T1095 CC|T1098 PE,PR|T1102 CC|T1104 CC
T1105 CC|T1106 EX|T1110 CA|T1111 CA|T1112 DE,PE|T1113 CO|T1114 CO|T1115 CO|T1119 CO|T1120 DI|T1123 CO|T1124 DI|T1125 CO|T1127 DE
T1129 EX|T1132 CC|T1133 PE,IA|T1134 DE,PR|T1135 DI|T1136 PE|T1137 PE|T1140 DE|T1176 PE|T1185 CO|T1187 CA|T1189 IA|T1190 IA|T1195 IA
T1197 DE,PE|T1199 IA|T1200 IA|T1201 DI|T1202 DE|T1203 EX|T1204 EX|T1205 DE,PE,CC|T1207 DE|T1210 LM|T1211 DE|T1212 CA|T1213 CO|T1216 DE
T1217 DI|T1218 DE|T1219 CC|T1220 DE|T1221 DE|T1222 DE|T1480 DE|T1482 DI|T1484 DE,PR|T1485 IM|T1486 IM|T1489 IM|T1490 IM|T1491 IM
T1495 IM|T1496 IM|T1497 DE,DI|T1498 IM|T1499 IM|T1505 PE|T1518 DI|T1525 PE|T1526 DI|T1528 CA|T1529 IM|T1530 CO|T1531 IM|T1534 LM
T1535 DE|T1537 XF|T1538 DI|T1539 CA|T1542 PE,DE|T1543 PE,PR|T1546 PR,PE|T1547 PE,PR|T1548 PR,DE|T1550 DE,LM|T1552 CA|T1553 DE
T1554 PE|T1555 CA|T1556 CA,DE,PE|T1557 CA,CO|T1558 CA|T1559 EX|T1560 CO|T1561 IM|T1562 DE|T1563 LM|T1564 DE|T1565 IM|T1566 IA
T1567 XF|T1568 CC|T1569 EX|T1570 LM|T1571 CC|T1572 CC|T1573 CC|T1574 PE,PR,DE|T1578 DE|T1580 DI|T1583 RD|T1584 RD|T1585 RD
T1586 RD|T1587 RD|T1588 RD|T1589 RC|T1590 RC|T1591 RC|T1592 RC|T1593 RC|T1594 RC|T1595 RC|T1596 RC|T1597 RC|T1598 RC|T1599 DE
T1600 DE|T1601 DE|T1602 CO|T1606 CA|T1608 RD|T1609 EX|T1610 DE,EX|T1611 PR|T1612 DE|T1613 DI|T1614 DI|T1615 DI|T1619 DI|T1620 DE
T1621 CA|T1622 DE,DI|T1647 DE|T1648 EX|T1649 CA|T1650 RD|T1651 EX|T1652 DI|T1653 PE|T1654 DI|T1656 DE|T1657 IM|T1659 IA,CC
T1665 CC|T1666 DE|T1667 IM|T1668 PE|T1669 IA|T1671 PE|T1672 DE|T1673 DI|T1674 EX|T1675 EX`

var tacticsOf = func() map[string][]tactic {
	m := map[string][]tactic{}
	for _, part := range strings.FieldsFunc(techniqueTactics, func(r rune) bool { return r == '|' || r == '\n' }) {
		id, list, _ := strings.Cut(part, " ")
		for t := range strings.SplitSeq(list, ",") {
			m[id] = append(m[id], tactics[t])
		}
	}
	return m
}()

// threats groups technique ids by tactic, in the order of the tactics' ids. Ids that are in no tactic are left out.
func threats(ids []string) []Threat {
	var out []Threat
	for _, id := range ids {
		id = strings.ToUpper(strings.TrimSpace(id))
		parent, _, _ := strings.Cut(id, ".")
		for _, t := range tacticsOf[parent] {
			i := slices.IndexFunc(out, func(x Threat) bool { return x.TacticID == t.id })
			if i < 0 {
				i = len(out)
				out = append(out, Threat{TacticID: t.id, TacticName: t.name})
			}
			out[i].TechniqueIDs = appendNew(out[i].TechniqueIDs, id)
		}
	}
	for _, t := range out {
		slices.Sort(t.TechniqueIDs)
	}
	slices.SortFunc(out, func(a, b Threat) int { return strings.Compare(a.TacticID, b.TacticID) })
	return out
}
