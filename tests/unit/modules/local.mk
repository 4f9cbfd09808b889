# SPDX-License-Identifier: Apache-2.0
# The modules that test_module loads: libtool builds a module that is not installed only with an -rpath.
test_module_ldflags = $(module_ldflags) -rpath /nowhere
EXTRA_DIST += tests/unit/modules/mod.h

check_LTLIBRARIES += tests/unit/modules/good.la
tests_unit_modules_good_la_SOURCES = tests/unit/modules/good.c
tests_unit_modules_good_la_CPPFLAGS = $(module_cppflags)
tests_unit_modules_good_la_LDFLAGS = $(test_module_ldflags)

check_LTLIBRARIES += tests/unit/modules/good2.la
tests_unit_modules_good2_la_SOURCES = tests/unit/modules/good2.c
tests_unit_modules_good2_la_CPPFLAGS = $(module_cppflags)
tests_unit_modules_good2_la_LDFLAGS = $(test_module_ldflags)

check_LTLIBRARIES += tests/unit/modules/twin.la
tests_unit_modules_twin_la_SOURCES = tests/unit/modules/twin.c
tests_unit_modules_twin_la_CPPFLAGS = $(module_cppflags)
tests_unit_modules_twin_la_LDFLAGS = $(test_module_ldflags)

check_LTLIBRARIES += tests/unit/modules/nosymbol.la
tests_unit_modules_nosymbol_la_SOURCES = tests/unit/modules/nosymbol.c
tests_unit_modules_nosymbol_la_CPPFLAGS = $(module_cppflags)
tests_unit_modules_nosymbol_la_LDFLAGS = $(test_module_ldflags)

check_LTLIBRARIES += tests/unit/modules/undefined.la
tests_unit_modules_undefined_la_SOURCES = tests/unit/modules/undefined.c
tests_unit_modules_undefined_la_CPPFLAGS = $(module_cppflags)
tests_unit_modules_undefined_la_LDFLAGS = $(test_module_ldflags)

check_LTLIBRARIES += tests/unit/modules/magic.la
tests_unit_modules_magic_la_SOURCES = tests/unit/modules/broken.c
tests_unit_modules_magic_la_LDFLAGS = $(test_module_ldflags)
tests_unit_modules_magic_la_CPPFLAGS = $(module_cppflags) '-DBROKEN=.magic=0x12345678'

check_LTLIBRARIES += tests/unit/modules/major.la
tests_unit_modules_major_la_SOURCES = tests/unit/modules/broken.c
tests_unit_modules_major_la_LDFLAGS = $(test_module_ldflags)
tests_unit_modules_major_la_CPPFLAGS = $(module_cppflags) '-DBROKEN=.abi_major=99'

check_LTLIBRARIES += tests/unit/modules/newminor.la
tests_unit_modules_newminor_la_SOURCES = tests/unit/modules/broken.c
tests_unit_modules_newminor_la_LDFLAGS = $(test_module_ldflags)
tests_unit_modules_newminor_la_CPPFLAGS = $(module_cppflags) '-DBROKEN=.abi_minor=WEIR_ABI_MINOR+1'

check_LTLIBRARIES += tests/unit/modules/packetsize.la
tests_unit_modules_packetsize_la_SOURCES = tests/unit/modules/broken.c
tests_unit_modules_packetsize_la_LDFLAGS = $(test_module_ldflags)
tests_unit_modules_packetsize_la_CPPFLAGS = $(module_cppflags) '-DBROKEN=.packet_size=8'

check_LTLIBRARIES += tests/unit/modules/noname.la
tests_unit_modules_noname_la_SOURCES = tests/unit/modules/broken.c
tests_unit_modules_noname_la_LDFLAGS = $(test_module_ldflags)
tests_unit_modules_noname_la_CPPFLAGS = $(module_cppflags) '-DBROKEN=.name=NULL'

check_LTLIBRARIES += tests/unit/modules/shortops.la
tests_unit_modules_shortops_la_SOURCES = tests/unit/modules/broken.c
tests_unit_modules_shortops_la_LDFLAGS = $(test_module_ldflags)
tests_unit_modules_shortops_la_CPPFLAGS = $(module_cppflags) '-DBROKEN_OPS(o)={WEIR_KIND_QDISC,8,&(o)}'

check_LTLIBRARIES += tests/unit/modules/longops.la
tests_unit_modules_longops_la_SOURCES = tests/unit/modules/broken.c
tests_unit_modules_longops_la_LDFLAGS = $(test_module_ldflags)
tests_unit_modules_longops_la_CPPFLAGS = $(module_cppflags) '-DBROKEN_OPS(o)={WEIR_KIND_QDISC,4096,&(o)}'

check_LTLIBRARIES += tests/unit/modules/badkind.la
tests_unit_modules_badkind_la_SOURCES = tests/unit/modules/broken.c
tests_unit_modules_badkind_la_LDFLAGS = $(test_module_ldflags)
tests_unit_modules_badkind_la_CPPFLAGS = $(module_cppflags) '-DBROKEN_OPS(o)={99,sizeof(o),&(o)}'

check_LTLIBRARIES += tests/unit/modules/nullops.la
tests_unit_modules_nullops_la_SOURCES = tests/unit/modules/broken.c
tests_unit_modules_nullops_la_LDFLAGS = $(test_module_ldflags)
tests_unit_modules_nullops_la_CPPFLAGS = $(module_cppflags) '-DBROKEN_OPS(o)={WEIR_KIND_QDISC,sizeof(o),NULL}'

check_LTLIBRARIES += tests/unit/modules/nodequeue.la
tests_unit_modules_nodequeue_la_SOURCES = tests/unit/modules/broken.c
tests_unit_modules_nodequeue_la_LDFLAGS = $(test_module_ldflags)
tests_unit_modules_nodequeue_la_CPPFLAGS = $(module_cppflags) '-DBROKEN_QDISC=.dequeue=NULL'

check_LTLIBRARIES += tests/unit/modules/badparams.la
tests_unit_modules_badparams_la_SOURCES = tests/unit/modules/broken.c
tests_unit_modules_badparams_la_LDFLAGS = $(test_module_ldflags)
tests_unit_modules_badparams_la_CPPFLAGS = $(module_cppflags) '-DBROKEN_QDISC=.params_size=4'

check_LTLIBRARIES += tests/unit/modules/badname.la
tests_unit_modules_badname_la_SOURCES = tests/unit/modules/broken.c
tests_unit_modules_badname_la_LDFLAGS = $(test_module_ldflags)
tests_unit_modules_badname_la_CPPFLAGS = $(module_cppflags) '-DBROKEN_QDISC=.name="To/y"'
