/* Virtual addresses of L0, for C++ and for assembly.
 *
 *   1 MiB ...              L0's image, wherever in physical memory it has been copied to
 *   DIRECT_MAP_BASE ...    all of physical memory
 */
#pragma once

/* The host tests, whose process cannot map what lies there, name another place. */
#ifndef DIRECT_MAP_BASE
#define DIRECT_MAP_BASE 0xFFFF800000000000
#endif
#define DIRECT_MAP_PML4_INDEX 256
