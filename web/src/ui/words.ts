// The words of ES|QL and SPL that the highlighting knows. words.test.ts compares them with the compiler's own tables.

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/))

export const esqlCommands = words(`
  FROM ROW SHOW TS WHERE EVAL STATS INLINESTATS INLINE KEEP DROP RENAME SORT LIMIT DISSECT GROK MV_EXPAND LOOKUP ENRICH FORK
  CHANGE_POINT SAMPLE COMPLETION RERANK FUSE INSIST
`)

export const esqlKeywords = words(`
  AND OR NOT IN LIKE RLIKE IS NULL TRUE FALSE BY AS ASC DESC NULLS FIRST LAST METADATA ON WITH JOIN APPEND_SEPARATOR INFO
`)

export const esqlFunctions = words(`
  ABS ABSENT ACOS ASIN ATAN ATAN2 AVG BIT_LENGTH BUCKET BYTE_LENGTH CASE CATEGORIZE CBRT CEIL CIDR_MATCH COALESCE CONCAT
  CONTAINS COPY_SIGN COS COSH COUNT COUNT_DISTINCT DATE_DIFF DATE_EXTRACT DATE_FORMAT DATE_PARSE DATE_TRUNC DAY_NAME E
  ENDS_WITH EXP FIRST FLOOR FROM_BASE64 GREATEST HASH HYPOT IP_PREFIX KQL LAST LEAST LEFT LENGTH LOCATE LOG LOG10 LTRIM
  MATCH MATCH_PHRASE MAX MD5 MEDIAN MEDIAN_ABSOLUTE_DEVIATION MIN MONTH_NAME MV_APPEND MV_AVG MV_CONCAT MV_CONTAINS MV_COUNT
  MV_DEDUPE MV_FIRST MV_INTERSECTION MV_INTERSECTS MV_LAST MV_MAX MV_MEDIAN MV_MEDIAN_ABSOLUTE_DEVIATION MV_MIN
  MV_PERCENTILE MV_PSERIES_WEIGHTED_SUM MV_SLICE MV_SORT MV_SUM MV_UNION MV_ZIP NETWORK_DIRECTION NOW PERCENTILE PI POW
  PRESENT QSTR REPEAT REPLACE REVERSE RIGHT ROUND ROUND_TO RTRIM SAMPLE SCALB SHA1 SHA256 SIGNUM SIN SINH SPACE SPLIT SQRT
  STARTS_WITH STD_DEV ST_CENTROID_AGG ST_CONTAINS ST_DISJOINT ST_DISTANCE ST_ENVELOPE ST_EXTENT_AGG ST_INTERSECTS ST_WITHIN
  ST_X ST_XMAX ST_XMIN ST_Y ST_YMAX ST_YMIN SUBSTRING SUM TAN TANH TAU TOP TO_AGGREGATE_METRIC_DOUBLE TO_BASE64 TO_BOOLEAN
  TO_CARTESIANPOINT TO_CARTESIANSHAPE TO_DATEPERIOD TO_DATETIME TO_DATE_NANOS TO_DEGREES TO_DOUBLE TO_GEOPOINT TO_GEOSHAPE
  TO_INTEGER TO_IP TO_LONG TO_LOWER TO_RADIANS TO_STRING TO_TIMEDURATION TO_UNSIGNED_LONG TO_UPPER TO_VERSION TRIM
  URL_DECODE URL_ENCODE URL_ENCODE_COMPONENT VALUES VARIANCE WEIGHTED_AVG
`)

export const splCommands = words(`
  abstract accum addcoltotals addinfo addtotals af analyzefields anomalies anomalousvalue anomalydetection append appendcols
  appendpipe apply arules associate audit autoregress bin bucket bucketdir chart cluster cofilter collect concurrency
  contingency convert correlate counttable crawl createrss ctable cube datamodel dbinspect dbxquery dedup delete deletemodel
  delta diff discretize dump entitymerge erex eval eventcount eventstats eventtypes expand extract fieldformat fields
  fieldsummary file filldown fillnull findkeywords findtypes fit flatten folderize foreach format from fromjson gauge
  gentimes geom geomfilter geostats head highlight history iconify input inputcsv inputlookup internalinputcsv iplocation
  join kmeans kv kvform ldapsearch listmodels loadjob localize localop lookup lookupdefinition makecontinuous makemv
  makeresults maketable map mcatalog mcollect metadata metasearch meventcollect mpreview msearch mstats multikv multisearch
  mvcombine mvexpand nomv noop outlier outputcsv outputlookup outputtelemetry outputtext overlap pivot predict rangemap rare
  redistribute regex relevancy reltime rename replace require rest return reverse rex rtorder run runshellscript sample
  savedsearch savedsplunk score script scrub sdselect search searchtxn selfjoin sendalert sendemail set setfields shape
  sichart sirare sistats sitimechart sitop slc snowincident sort spath stats strcat streamstats strptime summary table
  tagcreate tags tail timechart timewrap tojson top transaction transam transpose trendline tscollect tstats typeahead
  typelearner typer union uniq untable untranspose walklex where x11 xmlkv xmlunescape xpath xsdisplaywhere xswhere xyseries
`)

export const splKeywords = words('AND OR NOT IN XOR LIKE BY AS OVER WHERE OUTPUT OUTPUTNEW FROM IS NULL TRUE FALSE')
